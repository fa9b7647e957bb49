#include "gateway/backends/guarded_call.h"

namespace scaleout::gateway {

CallRecord::CallRecord(RpcMethod& method, const Clock& clock)
    : method_(method), clock_(clock), start_(clock.Now()) {
  method_.guard().CountStart();
}

void CallRecord::End(absl::StatusCode code) {
  method_.guard().CountEnd(code);
  method_.Observe(code, clock_.Now() - start_);
}

}  // namespace scaleout::gateway
