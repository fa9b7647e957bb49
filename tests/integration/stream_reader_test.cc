#include "redis/stream_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "tests/integration/stream_reader_fixture.h"
#include "tests/support/eventually.h"

namespace scaleout {
namespace {

using namespace std::chrono_literals;
using namespace std::string_view_literals;
using ::testing::ElementsAre;
using testing::Eventually;
using ::testing::Pair;

MATCHER_P4(Backlog, stream, length, lag, pending, "") {
  *result_listener << arg.length << " " << arg.lag << " " << arg.pending;
  return arg.stream == stream && arg.length == length && arg.lag == lag && arg.pending == pending;
}

TEST_F(StreamReaderTest, MakesStreamAndGroupAndReadsFromTheFirstEntry) {
  Add("old", 1);
  const auto reader = Reader("a", {"old", "new"});
  EXPECT_EQ(IdsOf(reader->ReadNew(10, 0s)), "");
  EXPECT_EQ(redis_.Ask({"XLEN", "new"}).integer(), 0);
  Add("new", 5);
  EXPECT_EQ(IdsOf(reader->ReadNew(10, 0s)), "old/1-0 new/5-0");
  EXPECT_EQ(IdsOf(reader->ReadNew(10, 0s)), "");
}

// Two consumers may find at the same time that there is no group.
TEST_F(StreamReaderTest, UsesGroupThatAnotherConsumerHasMade) {
  const auto a = Reader("a", {"s", "t"});
  EXPECT_EQ(IdsOf(a->ReadNew(10, 0s)), "");
  Add("s", 1);
  EXPECT_EQ(IdsOf(a->ReadNew(10, 0s)), "s/1-0");
  redis_.Ask({"XGROUP", "DESTROY", "t", "g"});
  EXPECT_EQ(IdsOf(a->ReadNew(10, 0s)), "");  // makes both, of which one is there
  EXPECT_EQ(IdsOf(a->ReadNew(10, 0s)), "");
  EXPECT_EQ(Pending("s"), 1);
}

TEST_F(StreamReaderTest, GivesFieldsInTheirOrderWithAnyBytes) {
  const auto reader = Reader("a");
  ASSERT_TRUE(reader->ReadNew(1, 0s).ok());
  redis_.Ask({"XADD", "s", "7-0", "b\0\r\n"sv, "\xff\0"sv, "", "", "a", "1", "a", "2"});
  const auto entries = reader->ReadNew(1, 0s);
  ASSERT_TRUE(entries.ok()) << entries.status();
  ASSERT_EQ(entries->size(), 1U);
  EXPECT_EQ(entries->front().stream, "s");
  EXPECT_EQ(entries->front().id, "7-0");
  EXPECT_THAT(entries->front().fields, ElementsAre(Pair("b\0\r\n"sv, "\xff\0"sv), Pair("", ""),
                                                   Pair("a", "1"), Pair("a", "2")));
}

TEST_F(StreamReaderTest, ReadsAtMostTheLimitOfEachStream) {
  const auto reader = Reader("a", {"s", "t"});
  ASSERT_TRUE(reader->ReadNew(1, 0s).ok());
  for (int i = 1; i <= 3; ++i) {
    Add("s", i);
    Add("t", i);
  }
  EXPECT_EQ(IdsOf(reader->ReadNew(2, 0s)), "s/1-0 s/2-0 t/1-0 t/2-0");
  EXPECT_EQ(IdsOf(reader->ReadNew(2, 0s)), "s/3-0 t/3-0");
  // A limit that is none reads one.
  Add("s", 4);
  Add("s", 5);
  EXPECT_EQ(IdsOf(reader->ReadNew(0, 0s)), "s/4-0");
}

TEST_F(StreamReaderTest, WaitsForTheFirstEntryOfAnyStream) {
  std::vector<std::string> streams;
  for (int i = 0; i < 50; ++i) streams.push_back("s" + std::to_string(i));
  const auto reader = Reader("a", streams);
  ASSERT_TRUE(reader->ReadNew(1, 0s).ok());
  auto reading = std::async(std::launch::async, [&] { return reader->ReadNew(10, kLong); });
  ASSERT_TRUE(Eventually([&] { return BlockedClients() == 1; }));
  Add("s42", 1);
  EXPECT_EQ(IdsOf(reading.get()), "s42/1-0");
}

TEST_F(StreamReaderTest, ReturnsWithoutEntriesAfterTheWait) {
  const auto reader = Reader("a");
  ASSERT_TRUE(reader->ReadNew(1, 0s).ok());
  EXPECT_EQ(IdsOf(reader->ReadNew(10, 1ns)), "");  // is not for ever
  EXPECT_EQ(IdsOf(reader->ReadNew(10, 20ms)), "");
  EXPECT_EQ(IdsOf(reader->ReadNew(10, -1s)), "");
}

// The server holds the command back for longer than a command may take.
TEST_F(StreamReaderTest, WaitsLongerThanCommandTimeout) {
  RedisClientOptions options = kPatient;
  const auto first = Reader("a");
  ASSERT_TRUE(first->ReadNew(1, 0s).ok());
  options.command_timeout = 500ms;
  const auto reader = Reader("a", {"s"}, options);
  auto reading = std::async(std::launch::async, [&] { return reader->ReadNew(10, kLong); });
  EXPECT_EQ(reading.wait_for(1500ms), std::future_status::timeout);
  Add("s", 1);
  EXPECT_EQ(IdsOf(reading.get()), "s/1-0");
}

TEST_F(StreamReaderTest, GivesEachEntryToOneConsumer) {
  const auto a = Reader("a");
  const auto b = Reader("b");
  ASSERT_TRUE(a->ReadNew(1, 0s).ok());
  for (int i = 1; i <= 4; ++i) Add("s", i);
  EXPECT_EQ(IdsOf(a->ReadNew(2, 0s)), "s/1-0 s/2-0");
  EXPECT_EQ(IdsOf(b->ReadNew(10, 0s)), "s/3-0 s/4-0");
  EXPECT_EQ(Pending("s"), 4);
}

TEST_F(StreamReaderTest, AcknowledgesEntriesAndPassesOverOthers) {
  const auto reader = Reader("a");
  ASSERT_TRUE(reader->ReadNew(1, 0s).ok());
  for (int i = 1; i <= 3; ++i) Add("s", i);
  ASSERT_TRUE(reader->ReadNew(10, 0s).ok());
  const std::vector<std::string> ids = {"1-0", "3-0", "9-0"};
  EXPECT_TRUE(reader->Acknowledge("s", ids).ok());
  EXPECT_EQ(Pending("s"), 1);
  EXPECT_TRUE(reader->Acknowledge("s", ids).ok());
  EXPECT_TRUE(reader->Acknowledge("s", {}).ok());
  EXPECT_TRUE(reader->Acknowledge("missing", ids).ok());
  EXPECT_EQ(Pending("s"), 1);
}

TEST_F(StreamReaderTest, ClaimsFromAnyConsumerOnceTheyAreIdle) {
  const auto a = Reader("a", {"s", "t"});
  const auto b = Reader("b", {"s", "t"});
  ASSERT_TRUE(a->ReadNew(1, 0s).ok());
  Add("s", 1);
  Add("t", 2);
  ASSERT_EQ(IdsOf(a->ReadNew(10, 0s)), "s/1-0 t/2-0");
  EXPECT_EQ(IdsOf(b->ClaimIdle(10, kLong)), "");
  // As if a had had it for an hour; to claim an entry begins its idle time anew.
  redis_.Ask({"XCLAIM", "t", "g", "a", "0", "2-0", "IDLE", "3600000", "JUSTID"});
  EXPECT_EQ(IdsOf(b->ClaimIdle(10, kLong)), "t/2-0");
  EXPECT_EQ(IdsOf(a->ClaimIdle(10, kLong)), "");
  // A consumer's own too, and with its fields.
  const auto own = b->ClaimIdle(10, 0s);
  EXPECT_EQ(IdsOf(own), "s/1-0 t/2-0");
  EXPECT_THAT(own->front().fields, ElementsAre(Pair("field", "v")));
}

TEST_F(StreamReaderTest, ClaimsOnWhereTheLastCallStoppedAndThenFromTheStart) {
  const auto reader = Reader("a", {"s", "t"});
  ASSERT_TRUE(reader->ReadNew(1, 0s).ok());
  for (int i = 1; i <= 3; ++i) Add("s", i);
  Add("t", 1);
  ASSERT_TRUE(reader->ReadNew(10, 0s).ok());
  EXPECT_EQ(IdsOf(reader->ClaimIdle(2, 0s)), "s/1-0 s/2-0 t/1-0");
  EXPECT_EQ(IdsOf(reader->ClaimIdle(2, 0s)), "s/3-0 t/1-0");
  EXPECT_EQ(IdsOf(reader->ClaimIdle(2, 0s)), "s/1-0 s/2-0 t/1-0");
}

TEST_F(StreamReaderTest, DropsPendingEntriesThatWereRemovedFromTheStream) {
  const auto reader = Reader("a");
  ASSERT_TRUE(reader->ReadNew(1, 0s).ok());
  for (int i = 1; i <= 4; ++i) Add("s", i);
  ASSERT_TRUE(reader->ReadNew(10, 0s).ok());
  redis_.Ask({"XTRIM", "s", "MINID", "2-0"});
  redis_.Ask({"XDEL", "s", "3-0"});
  EXPECT_EQ(Pending("s"), 4);
  EXPECT_EQ(IdsOf(reader->ClaimIdle(10, 0s)), "s/2-0 s/4-0");
  EXPECT_EQ(Pending("s"), 2);
}

TEST_F(StreamReaderTest, ClaimMakesGroupsThatAreMissing) {
  Add("s", 1);
  const auto reader = Reader("a", {"s", "t"});
  EXPECT_EQ(IdsOf(reader->ClaimIdle(10, 0s)), "");
  EXPECT_EQ(IdsOf(reader->ReadNew(10, 0s)), "s/1-0");
}

TEST_F(StreamReaderTest, SaysWhatTheGroupHasBeforeIt) {
  const auto reader = Reader("a", {"s", "t", "missing"});
  redis_.Ask({"XGROUP", "CREATE", "s", "other", "0", "MKSTREAM"});
  redis_.Ask({"XGROUP", "CREATE", "s", "g", "0"});
  Add("t", 1);  // without the group
  for (int i = 1; i <= 5; ++i) Add("s", i);
  ASSERT_EQ(IdsOf(Reader("a")->ReadNew(3, 0s)), "s/1-0 s/2-0 s/3-0");
  ASSERT_TRUE(reader->Acknowledge("s", std::vector<std::string>{"1-0"}).ok());
  const auto backlogs = reader->Backlogs();
  ASSERT_TRUE(backlogs.ok()) << backlogs.status();
  EXPECT_THAT(*backlogs, ElementsAre(Backlog("s", 5, 2, 2), Backlog("t", 1, 1, 0),
                                     Backlog("missing", 0, 0, 0)));
}

TEST_F(StreamReaderTest, CountsAllAsLagWhereTheServerCannotSay) {
  const auto reader = Reader("a");
  ASSERT_TRUE(reader->ReadNew(1, 0s).ok());
  for (int i = 1; i <= 5; ++i) Add("s", i);
  ASSERT_TRUE(reader->ReadNew(1, 0s).ok());
  redis_.Ask({"XDEL", "s", "4-0"});
  ASSERT_TRUE(redis_.Ask({"XINFO", "GROUPS", "s"}).at(0).at(11).is_nil());
  EXPECT_THAT(reader->Backlogs().value(), ElementsAre(Backlog("s", 4, 4, 1)));
}

TEST_F(StreamReaderTest, RefusesKeyThatIsNoStream) {
  redis_.Ask({"SET", "s", "text"});
  const auto reader = Reader("a");
  EXPECT_TRUE(absl::IsInternal(reader->ReadNew(1, 0s).status()));
  EXPECT_TRUE(absl::IsInternal(reader->ClaimIdle(1, 0s).status()));
  EXPECT_TRUE(absl::IsInternal(reader->Backlogs().status()));
  EXPECT_TRUE(absl::IsInternal(reader->Acknowledge("s", std::vector<std::string>{"1-0"})));
}

TEST_F(StreamReaderTest, ForgetsConsumersThatAreIdleAndHaveNothingPending) {
  const auto gone = Reader("gone", {"s", "missing"});
  const auto busy = Reader("busy");
  const auto self = Reader("self", {"s", "missing"});
  ASSERT_TRUE(self->ReadNew(1, 0s).ok());
  for (int i = 1; i <= 3; ++i) Add("s", i);
  ASSERT_EQ(IdsOf(gone->ReadNew(1, 0s)), "s/1-0");
  ASSERT_EQ(IdsOf(busy->ReadNew(1, 0s)), "s/2-0");
  ASSERT_EQ(IdsOf(self->ReadNew(1, 0s)), "s/3-0");
  ASSERT_TRUE(gone->Acknowledge("s", std::vector<std::string>{"1-0", "3-0"}).ok());
  redis_.Ask({"DEL", "missing"});
  ASSERT_TRUE(self->ForgetConsumers(kLong).ok());
  EXPECT_EQ(redis_.Ask({"XINFO", "CONSUMERS", "s", "g"}).size(), 3U);
  ASSERT_TRUE(self->ForgetConsumers(0s).ok());
  EXPECT_EQ(redis_.Ask({"XINFO", "CONSUMERS", "s", "g"}).size(), 2U);
  EXPECT_EQ(Pending("s"), 1);
  // One that was forgotten while it lived goes on.
  Add("s", 4);
  EXPECT_EQ(IdsOf(Reader("gone")->ReadNew(1, 0s)), "s/4-0");
}

}  // namespace
}  // namespace scaleout
