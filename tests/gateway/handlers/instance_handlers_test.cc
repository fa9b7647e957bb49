#include "gateway/handlers/instance_handlers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "gateway/cluster/shared_counter.h"
#include "tests/support/request_fixture.h"
#include "tests/support/running_task.h"

namespace scaleout::gateway {
namespace {

using ::testing::Contains;
using ::testing::Pair;
using testing::RunningTask;
using testing::TestRequest;
using Answer = absl::StatusOr<Response>;

class FakeDirectory final : public InstanceDirectory {
 public:
  Task<InstanceEntries> Read(RequestContext& context) override {
    ++reads;
    time_left = context.Remaining();
    co_return found;
  }
  InstanceEntries found;
  int reads = 0;
  Duration time_left{0};
};

constexpr const char* kSelf = R"({"instanceId":"b","now":1})";

struct InstancesFixture {
  std::string Ask() {
    RunningTask<Answer> running(handlers.List(request.context, TestRequest()));
    EXPECT_TRUE(running.value().ok());
    EXPECT_EQ(running.value()->status, 200);
    EXPECT_THAT(running.value()->headers, Contains(Pair("Cache-Control", "no-store")));
    return running.value()->body;
  }

  testing::RequestFixture request;
  FakeDirectory directory;
  InstanceHandlers handlers{"b", 1, [] { return std::string(kSelf); }, directory};
};

TEST(InstanceHandlers, ListAllInstancesById) {
  InstancesFixture fixture;
  fixture.directory.found = {{{"c", R"({"instanceId":"c"})"},
                              {"b", R"({"instanceId":"b","now":0})"},
                              {"a", R"({"x":[1,{}],"instanceId":"a"})"}},
                             true};
  EXPECT_EQ(fixture.Ask(),
            R"({"instances":[{"x":[1,{}],"instanceId":"a"},{"instanceId":"b","now":1},)"
            R"({"instanceId":"c"}],"complete":true})");
}

TEST(InstanceHandlers, ListOnlyThisInstanceWhereRedisIsAway) {
  InstancesFixture fixture;
  EXPECT_EQ(fixture.Ask(), R"({"instances":[{"instanceId":"b","now":1}],"complete":false})");
  EXPECT_EQ(fixture.directory.time_left, kMaxRedisStateWait);
}

TEST(InstanceHandlers, AreIncompleteWithoutAnEntryOfThisInstance) {
  InstancesFixture fixture;
  fixture.directory.found = {{{"a", R"({"instanceId":"a"})"}}, true};
  EXPECT_EQ(fixture.Ask(), R"({"instances":[{"instanceId":"a"},{"instanceId":"b","now":1}],)"
                           R"("complete":false})");
}

TEST(InstanceHandlers, AreIncompleteWhereTheDirectoryIs) {
  InstancesFixture fixture;
  fixture.directory.found = {{{"b", ""}}, false};
  EXPECT_EQ(fixture.Ask(), R"({"instances":[{"instanceId":"b","now":1}],"complete":false})");
}

TEST(InstanceHandlers, LeaveOutWhatIsNoDescriptionOfTheEntrysInstance) {
  InstancesFixture fixture;
  fixture.directory.found.complete = true;
  fixture.directory.found.entries = {{"b", "garbage"}};
  const std::string deep = std::string(20, '[') + std::string(20, ']');
  for (const std::string& garbage :
       {std::string("garbage"), std::string("{}"), std::string(R"({"instanceId":"other"})"),
        std::string(R"({"instanceId":7})"), std::string(R"(["instanceId","x"])"),
        std::string(R"({"instanceId":"x"}])"), std::string(R"({"instanceId":"x")"),
        std::string("{\"instanceId\":\"x\",\"y\":\"\xff\"}"),
        std::string("{\"instanceId\":\"x\"}\0", 19), R"({"instanceId":"x","y":)" + deep + "}"}) {
    fixture.directory.found.entries.push_back({"x", garbage});
  }
  EXPECT_EQ(fixture.Ask(), R"({"instances":[{"instanceId":"b","now":1}],"complete":true})");
}

TEST(InstanceHandlers, ReadOnceASecondHoweverManyAsk) {
  InstancesFixture fixture;
  for (int i = 0; i < 3; ++i) fixture.Ask();
  EXPECT_EQ(fixture.directory.reads, 1);
  fixture.request.clock.Advance(kMaxSharedAge);
  fixture.Ask();
  EXPECT_EQ(fixture.directory.reads, 2);
}

}  // namespace
}  // namespace scaleout::gateway
