// What people read of the contracts, for comparing with the limits' headers: docs/openapi.yaml,
// docs/limits.md, the comments of the protos and the services' migrations. Paths are relative to
// the repository. Reads only the layouts that these files have.
#ifndef SCALEOUT_TESTS_PROTO_CONTRACT_DOCUMENTS_H_
#define SCALEOUT_TESTS_PROTO_CONTRACT_DOCUMENTS_H_

#include <string>
#include <string_view>

namespace scaleout::testing {

// The value at a path such as "components.schemas.Email.minLength", as it is written; "absent" if
// there is none.
std::string OpenApiValue(std::string_view path);

// The comment above a field such as "CreateUserRequest.email", in one line and without the commas
// within numbers; "absent" if there is no such field.
std::string ProtoComment(std::string_view proto, std::string_view field);

// The limit of a field ("quantity of an item") as docs/limits.md has it, without the commas within
// numbers; "absent" if it has none.
std::string DocumentedLimit(std::string_view field);

// All migrations of a service ("user"), one after the other.
std::string Migrations(std::string_view service);

}  // namespace scaleout::testing

#endif  // SCALEOUT_TESTS_PROTO_CONTRACT_DOCUMENTS_H_
