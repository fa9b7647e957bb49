#include <chrono>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "redis/stream_writer.h"
#include "tests/integration/stream_writer_fixture.h"
#include "tests/support/eventually.h"

namespace scaleout {
namespace {

using namespace std::chrono_literals;
using testing::Eventually;

class StreamWriterTrimTest : public StreamWriterTest {
 protected:
  // Full, but for commands that free memory.
  void LetNoMemoryBeLeft() { redis_.Ask({"CONFIG", "SET", "maxmemory", "1"}); }
  void GiveMemory() { redis_.Ask({"CONFIG", "SET", "maxmemory", "0"}); }
};

TEST_F(StreamWriterTrimTest, RemovesWhatEveryGroupHasAcknowledged) {
  Begin({"a", "b"});
  EXPECT_EQ(Trim(), "done 0 0");
  ASSERT_EQ(Append({1, 2, 3, 4, 5}), "done 5");
  EXPECT_EQ(Trim(), "done 0 5");
  Handle("a");
  EXPECT_EQ(Trim(), "done 0 5");
  Read("b", 3);
  EXPECT_EQ(Trim(), "done 0 5");  // read is not acknowledged
  Acknowledge("b", 1);
  Acknowledge("b", 2);
  EXPECT_EQ(Trim(), "done 2 3");
  Acknowledge("b", 3);
  EXPECT_EQ(Trim(), "done 3 2");
  EXPECT_EQ(Ids(), "4-0 5-0");
  Handle("b");
  EXPECT_EQ(Trim(), "done 5 0");
  EXPECT_EQ(Append({6}), "done 6");
}

TEST_F(StreamWriterTrimTest, WaitsForTheSlowestGroupWhicheverItIs) {
  Begin({"a", "b", "c"});
  ASSERT_EQ(Append({1, 2, 3}), "done 3");
  for (const char* slow : {"a", "b", "c"}) {
    for (const char* group : {"a", "b", "c"}) {
      if (group != std::string(slow)) Handle(group);
    }
    EXPECT_EQ(Trim(), "done 0 3") << slow;
    Begin({"a", "b", "c"});
    ASSERT_EQ(Append({1, 2, 3}), "done 3");
  }
}

TEST_F(StreamWriterTrimTest, LeavesAllFromTheFirstPendingEntryOn) {
  Begin({"a"});
  ASSERT_EQ(Append({10, 20, 30, 40}), "done 40");
  Read("a", 4);
  Acknowledge("a", 40);
  Acknowledge("a", 20);
  EXPECT_EQ(Trim(), "done 9 4");
  Acknowledge("a", 10);
  EXPECT_EQ(Trim(), "done 29 2");
  EXPECT_EQ(Ids(), "30-0 40-0");
  Acknowledge("a", 30);
  EXPECT_EQ(Trim(), "done 40 0");
}

TEST_F(StreamWriterTrimTest, TrimsExactlyWithLargeNumbers) {
  const std::int64_t large = (std::int64_t{1} << 52) - 2;
  Begin({"a"});
  ASSERT_EQ(Append({large, large + 1}), "done " + std::to_string(large + 1));
  Read("a", 2);
  redis_.Ask({"XACK", "s", "a", std::to_string(large) + "-0"});
  EXPECT_EQ(Trim(), "done " + std::to_string(large) + " 1");
  EXPECT_EQ(Ids(), std::to_string(large + 1) + "-0");
}

// After an entry by hand that was just below it the publisher's numbers are beyond.
TEST_F(StreamWriterTrimTest, OnlyAnEntryByHandBeyondTwoTo52IsAnotherIncarnation) {
  const std::int64_t large = std::int64_t{1} << 52;
  Begin({"a"});
  redis_.Ask({"XADD", "s", std::to_string(large) + "-0", "by", "hand"});
  EXPECT_EQ(Append({5}), "low " + std::to_string(large));
  ASSERT_EQ(Append({large + 1, large + 2}), "done " + std::to_string(large + 2));
  ASSERT_EQ(Append({large + 3}), "done " + std::to_string(large + 3));
  Handle("a");
  EXPECT_EQ(Trim(), "done " + std::to_string(large + 3) + " 0");
  redis_.Ask({"XADD", "s", std::to_string(large + 10) + "-0", "by", "hand"});
  EXPECT_EQ(Append({large + 11}), "other 0");
}

// It may be a newer publisher's. That it never acknowledges shows in the stream's length.
TEST_F(StreamWriterTrimTest, GroupThatIsNotDeclaredHoldsEntriesToo) {
  Begin({"a"});
  redis_.Ask({"XGROUP", "CREATE", "s", "other", "0"});
  ASSERT_EQ(Append({1, 2}), "done 2");
  Handle("a");
  EXPECT_EQ(Trim(), "done 0 2");
  redis_.Ask({"XGROUP", "DESTROY", "s", "other"});
  EXPECT_EQ(Trim(), "done 2 0");
}

TEST_F(StreamWriterTrimTest, DeclaredGroupThatIsMissingIsAnotherIncarnation) {
  Begin({"a", "b"});
  ASSERT_EQ(Append({1}), "done 1");
  Handle("a");
  redis_.Ask({"XGROUP", "DESTROY", "s", "b"});
  EXPECT_EQ(Trim(), "other 0 0");
  EXPECT_EQ(Ids(), "1-0");
  groups_ = {"a"};
  EXPECT_EQ(Trim(), "done 1 0");
}

TEST_F(StreamWriterTrimTest, StreamWithoutGroupsIsNeverTrimmed) {
  Begin({});
  groups_ = {};
  EXPECT_EQ(Append({1}), "other 0");  // there is none
  Begin({"a"});
  ASSERT_EQ(Append({1}), "done 1");
  redis_.Ask({"XGROUP", "DESTROY", "s", "a"});
  groups_ = {};
  EXPECT_EQ(Trim(), "other 0 0");
  EXPECT_EQ(Ids(), "1-0");
}

// With the time as its number, as a shell does.
TEST_F(StreamWriterTrimTest, EntryAddedByHandOnlyRaisesTheNumbers) {
  Begin({"a"});
  ASSERT_EQ(Append({1}), "done 1");
  const std::string id(redis_.Ask({"XADD", "s", "*", "by", "hand"}).text());
  const std::int64_t number = std::stoll(id);
  EXPECT_EQ(Append({2}), "low " + std::to_string(number));
  EXPECT_EQ(Append({number + 1}), "done " + std::to_string(number + 1));
  Handle("a");
  EXPECT_EQ(Trim(), "done " + std::to_string(number + 1) + " 0");
}

// No number would be above it, nor could the last be written as one.
TEST_F(StreamWriterTrimTest, EntryAddedByHandUnderTheGreatestIdIsAnotherIncarnation) {
  for (const char* id : {"18446744073709551615-1", "9007199254740991-0"}) {
    Begin({"a"});
    ASSERT_EQ(Append({1}), "done 1");
    redis_.Ask({"XADD", "s", id, "by", "hand"});
    EXPECT_EQ(Append({2}), "other 0") << id;
    Handle("a");
    EXPECT_EQ(Trim(), "other 0 0") << id;
  }
}

TEST_F(StreamWriterTrimTest, FullServerTakesNoneOfTheEntriesAndTrimsAllTheSame) {
  Begin({"a"});
  ASSERT_EQ(Append({1, 2}), "done 2");
  Read("a", 2);
  Acknowledge("a", 1);
  LetNoMemoryBeLeft();
  const auto refused = writer_->Append("s", incarnation_, kRoom, {{{3, {{"a", "b"}}}}});
  EXPECT_TRUE(absl::IsResourceExhausted(refused.status())) << refused.status();
  EXPECT_EQ(Ids(), "1-0 2-0");
  EXPECT_EQ(Trim(), "done 1 1");
  Acknowledge("a", 2);
  EXPECT_EQ(Trim(), "done 2 0");
  GiveMemory();
  EXPECT_EQ(Append({3, 4}), "done 4");
}

TEST_F(StreamWriterTrimTest, FrozenServerIsDeadlineExceededAndWhatItDidShowsAfterwards) {
  Begin({"a"});
  ASSERT_EQ(Append({1}), "done 1");
  writer_ = Writer(redis_, {.connect_timeout = 1s, .command_timeout = 200ms, .retry_pause = 0ms});
  ASSERT_TRUE(Eventually([&] { return Trim() == "done 0 1"; }));
  {
    const auto frozen = redis_.Freeze();
    const MonotonicTime start = SystemClock().Now();
    const auto late = writer_->Append("s", incarnation_, kRoom, {{{2, {{"a", "b"}}}}});
    EXPECT_TRUE(absl::IsDeadlineExceeded(late.status())) << late.status();
    EXPECT_LT(SystemClock().Now() - start, 5s);
  }
  // The server finds the command in its socket.
  writer_ = Writer(redis_);
  EXPECT_TRUE(Eventually([&] { return Ids() == "1-0 2-0"; }));
  EXPECT_EQ(Append({2, 3}), "low 2");
  EXPECT_EQ(Append({3}), "done 3");
}

// A writer that goes on after it was frozen.
TEST_F(StreamWriterTrimTest, RefusesWhatIsSentLateInThePlaceOfHigherNumbers) {
  Begin({"a"});
  const auto other = Writer(redis_);
  ASSERT_EQ(other->Append("s", incarnation_, kRoom, {{{5, {{"a", "b"}}}}})->last_number, 5);
  EXPECT_EQ(Append({1, 2, 3}), "low 5");
  EXPECT_EQ(Ids(), "5-0");
}

}  // namespace
}  // namespace scaleout
