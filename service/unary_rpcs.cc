#include "service/unary_rpcs.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "common/str_cat.h"

namespace scaleout {

std::vector<std::string> FindContractViolations(const std::string& full_name,
                                                const std::vector<RpcSignature>& rpcs) {
  const google::protobuf::ServiceDescriptor* contract =
      google::protobuf::DescriptorPool::generated_pool()->FindServiceByName(full_name);
  if (contract == nullptr) return {StrCat("there is no contract ", full_name)};
  std::vector<std::string> violations;
  for (const RpcSignature& rpc : rpcs) {
    const google::protobuf::MethodDescriptor* method = contract->FindMethodByName(rpc.name);
    if (method == nullptr) {
      violations.push_back(StrCat(full_name, " has no RPC ", rpc.name));
    } else if (method->input_type() != rpc.request || method->output_type() != rpc.response) {
      violations.push_back(StrCat(full_name, "/", rpc.name, " has other messages"));
    } else if (method->client_streaming() || method->server_streaming()) {
      violations.push_back(StrCat(full_name, "/", rpc.name, " is a stream"));
    }
  }
  for (int i = 0; i < contract->method_count(); ++i) {
    const std::string& name = contract->method(i)->name();
    if (std::ranges::count(rpcs, name, &RpcSignature::name) != 1) {
      violations.push_back(StrCat(full_name, "/", name, " must be served by one method"));
    }
  }
  return violations;
}

void RequireContract(const std::string& full_name, const std::vector<RpcSignature>& rpcs) {
  const std::vector<std::string> violations = FindContractViolations(full_name, rpcs);
  for (const std::string& violation : violations) std::fprintf(stderr, "%s\n", violation.c_str());
  if (!violations.empty()) std::abort();
}

}  // namespace scaleout
