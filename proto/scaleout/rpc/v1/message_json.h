// Messages as JSON and back, as Protobuf maps it: for what is stored and read again by another
// release. Pure functions.
#ifndef SCALEOUT_PROTO_SCALEOUT_RPC_V1_MESSAGE_JSON_H_
#define SCALEOUT_PROTO_SCALEOUT_RPC_V1_MESSAGE_JSON_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace google::protobuf {
class Message;
}  // namespace google::protobuf

namespace scaleout::rpc::v1 {

std::string ToJson(const google::protobuf::Message& message);

// INVALID_ARGUMENT if it is not the JSON of such a message; members that it does not have are
// passed over.
absl::Status ParseJson(std::string_view json, google::protobuf::Message& message);

}  // namespace scaleout::rpc::v1

#endif  // SCALEOUT_PROTO_SCALEOUT_RPC_V1_MESSAGE_JSON_H_
