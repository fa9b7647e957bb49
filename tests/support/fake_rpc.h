// A stub with one RPC, whose call ends when the test says so and on whichever thread says it. Its
// answer is made when the call starts. One call at a time; outlives its calls.
#ifndef SCALEOUT_TESTS_SUPPORT_FAKE_RPC_H_
#define SCALEOUT_TESTS_SUPPORT_FAKE_RPC_H_

#include <grpcpp/client_context.h>
#include <grpcpp/completion_queue.h>
#include <grpcpp/support/async_unary_call.h>

#include <memory>
#include <utility>

#include "gateway/backends/rpc_call.h"

namespace scaleout::testing {

template <typename Request, typename Response>
class FakeRpc final : private grpc::ClientAsyncResponseReaderInterface<Response> {
 public:
  using Reader = grpc::ClientAsyncResponseReaderInterface<Response>;

  explicit FakeRpc(Response (*answer)(const Request&)) : answer_(answer) {}

  // As a generated stub has it. gRPC makes the readers' deleter do nothing.
  std::unique_ptr<Reader> PrepareAsyncCall(grpc::ClientContext* client, const Request& request,
                                           grpc::CompletionQueue*) {
    client_ = client;
    made_ = answer_(request);
    return std::unique_ptr<Reader>(this);
  }

  bool called() const { return client_ != nullptr; }
  const grpc::ClientContext& client() const { return *client_; }
  void End(grpc::Status status) {
    *response_ = std::move(made_);
    *status_ = std::move(status);
    static_cast<gateway::PendingRpc*>(tag_)->OnDone();
  }

 private:
  void StartCall() override {}
  void ReadInitialMetadata(void*) override {}
  void Finish(Response* response, grpc::Status* status, void* tag) override {
    response_ = response;
    status_ = status;
    tag_ = tag;
  }

  Response (*const answer_)(const Request&);
  grpc::ClientContext* client_ = nullptr;
  Response made_{};
  Response* response_ = nullptr;
  grpc::Status* status_ = nullptr;
  void* tag_ = nullptr;
};

}  // namespace scaleout::testing

#endif  // SCALEOUT_TESTS_SUPPORT_FAKE_RPC_H_
