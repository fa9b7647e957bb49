// The pointers of a status's refused fields, in their order, for comparing with a list.
#ifndef SCALEOUT_TESTS_SERVICES_VIOLATIONS_H_
#define SCALEOUT_TESTS_SERVICES_VIOLATIONS_H_

#include <string>
#include <vector>

#include "common/status.h"

namespace scaleout::testing {

inline std::vector<std::string> RefusedPointers(const absl::Status& status) {
  std::vector<std::string> pointers;
  for (const FieldViolation& violation : FieldViolationsOf(status)) {
    pointers.push_back(violation.field);
  }
  return pointers;
}

}  // namespace scaleout::testing

#endif  // SCALEOUT_TESTS_SERVICES_VIOLATIONS_H_
