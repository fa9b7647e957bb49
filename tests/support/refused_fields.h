// The names of a status's refused fields, in their order, for comparing with a list.
#ifndef SCALEOUT_TESTS_SUPPORT_REFUSED_FIELDS_H_
#define SCALEOUT_TESTS_SUPPORT_REFUSED_FIELDS_H_

#include <string>
#include <vector>

#include "common/status.h"

namespace scaleout::testing {

inline std::vector<std::string> RefusedFields(const absl::Status& status) {
  std::vector<std::string> fields;
  for (const FieldViolation& violation : FieldViolationsOf(status)) {
    fields.push_back(violation.field);
  }
  return fields;
}

}  // namespace scaleout::testing

#endif  // SCALEOUT_TESTS_SUPPORT_REFUSED_FIELDS_H_
