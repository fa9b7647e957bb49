// A request and its context, made by hand, for tests of what answers requests.
#ifndef SCALEOUT_TESTS_SUPPORT_REQUEST_FIXTURE_H_
#define SCALEOUT_TESTS_SUPPORT_REQUEST_FIXTURE_H_

#include <chrono>
#include <deque>
#include <string>
#include <string_view>
#include <utility>

#include "gateway/http/message.h"
#include "gateway/runtime/request_context.h"
#include "tests/support/fake_clock.h"
#include "tests/support/manual_executor.h"

namespace scaleout::testing {

class TestRequest final : public gateway::Request {
 public:
  TestRequest& Header(std::string_view name, std::string value) {
    headers.emplace_back(name, kept_.emplace_back(std::move(value)));
    return *this;
  }
  TestRequest& Query(std::string name, std::string value) {
    query.emplace_back(std::move(name), std::move(value));
    return *this;
  }
  // The path's {name}; a literal.
  TestRequest& Path(std::string_view name, std::string value) {
    path_parameters.emplace_back(name, std::move(value));
    return *this;
  }
  // With its Content-Type.
  TestRequest& Json(std::string text) {
    Header("Content-Type", "application/json");
    body = kept_.emplace_back(std::move(text));
    return *this;
  }

 private:
  std::deque<std::string> kept_;
};

struct RequestFixture {
  RequestFixture() {
    context.request_id = "test-request";
    context.deadline = clock.Now() + std::chrono::seconds(3);
  }

  FakeClock clock;
  ManualExecutor loop{clock};
  gateway::RequestContext context{loop, clock};
};

}  // namespace scaleout::testing

#endif  // SCALEOUT_TESTS_SUPPORT_REQUEST_FIXTURE_H_
