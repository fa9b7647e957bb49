#include "redis/stream_writer.h"

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "tests/integration/stream_writer_fixture.h"

namespace scaleout {
namespace {

using testing::PrivateRedis;

TEST_F(StreamWriterTest, BeginMakesAnEmptyStreamWithItsGroups) {
  redis_.Ask({"XADD", "s", "5-0", "a", "b"});
  Begin({"a", "b"});
  EXPECT_EQ(Ids(), "");
  EXPECT_EQ(redis_.Ask({"XINFO", "GROUPS", "s"}).size(), 2U);
  const std::string first = incarnation_;
  EXPECT_FALSE(first.empty());
  Begin({"a"});
  EXPECT_NE(incarnation_, first);
  EXPECT_EQ(redis_.Ask({"XINFO", "GROUPS", "s"}).size(), 1U);
  EXPECT_EQ(Append({1}), "done 1");  // numbers begin anew
}

TEST_F(StreamWriterTest, AppendsEntriesUnderTheirNumbersWithAnyBytes) {
  using namespace std::string_literals;
  Begin();
  const std::vector<NumberedEntry> entries = {
      {3, {{"id", "x"}, {"data", "\0\r\n\xff"s}}},
      {4, {{"", ""}}},
      {9'007'199'254, {{"a", "1"}, {"b", "2"}, {"c", "3"}}}};
  const auto answer = writer_->Append("s", incarnation_, kRoom, entries);
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(answer->last_number, 9'007'199'254);
  EXPECT_EQ(Ids(), "3-0 4-0 9007199254-0");
  const RedisReply stored = redis_.Ask({"XRANGE", "s", "-", "+"});
  EXPECT_EQ(stored.at(0).at(1).at(3).text(), "\0\r\n\xff"s);
  EXPECT_EQ(stored.at(1).at(1).size(), 2U);
  EXPECT_EQ(stored.at(2).at(1).at(5).text(), "3");
}

TEST_F(StreamWriterTest, AppendingNothingAsksNothing) {
  Begin();
  redis_.Kill();
  EXPECT_EQ(Append({}), "done 0");
}

// What a relay reads in one batch, with the fields of an event.
TEST_F(StreamWriterTest, AppendsLargeBatches) {
  Begin();
  std::vector<NumberedEntry> entries;
  for (int i = 1; i <= 1000; ++i) {
    entries.push_back({i, StreamFields(7, {"field", std::string(4096, 'x')})});
  }
  const auto answer = writer_->Append("s", incarnation_, kRoom, entries);
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(redis_.Ask({"XLEN", "s"}).integer(), 1000);
}

TEST_F(StreamWriterTest, RefusesNumberThatIsNotAboveTheLastAndWritesNothing) {
  Begin();
  ASSERT_EQ(Append({4, 5}), "done 5");
  EXPECT_EQ(Append({5, 6}), "low 5");
  EXPECT_EQ(Append({2, 9}), "low 5");
  EXPECT_EQ(Ids(), "4-0 5-0");
  Handle("a");
  Handle("b");
  ASSERT_EQ(Trim(), "done 5 0");
  EXPECT_EQ(Append({5}), "low 5");  // also when it is gone
  EXPECT_EQ(Append({6}), "done 6");
}

TEST_F(StreamWriterTest, IsFullAboveTheGreatestLengthAndWritesNothing) {
  Begin();
  EXPECT_EQ(Append({1, 2, 3}, 2), "full 0");
  EXPECT_EQ(Append({1, 2}, 3), "done 2");
  EXPECT_EQ(Append({3, 4}, 3), "full 2");
  EXPECT_EQ(Ids(), "1-0 2-0");
  EXPECT_EQ(Append({3}, 3), "done 3");
  EXPECT_EQ(Append({4}, 3), "full 3");
}

TEST_F(StreamWriterTest, DoesNothingBeforeItsIncarnationHasBegun) {
  EXPECT_EQ(Append({1}), "other 0");
  EXPECT_EQ(Trim(), "other 0 0");
  EXPECT_EQ(redis_.Ask({"DBSIZE"}).integer(), 0);
}

TEST_F(StreamWriterTest, DoesNothingInAnotherIncarnation) {
  Begin();
  const std::string old = incarnation_;
  ASSERT_EQ(Append({1}), "done 1");
  Begin();
  ASSERT_EQ(Append({2}), "done 2");
  incarnation_ = old;
  EXPECT_EQ(Append({3}), "other 0");
  EXPECT_EQ(Trim(), "other 0 0");
  EXPECT_EQ(Ids(), "2-0");
}

TEST_F(StreamWriterTest, IsAnotherIncarnationAfterFlush) {
  Begin();
  ASSERT_EQ(Append({1}), "done 1");
  redis_.Ask({"FLUSHALL"});
  EXPECT_EQ(Append({2}), "other 0");
  EXPECT_EQ(Trim(), "other 0 0");
  // Also once a reader has made stream and group.
  redis_.Ask({"XGROUP", "CREATE", "s", "a", "0", "MKSTREAM"});
  EXPECT_EQ(Append({2}), "other 0");
  EXPECT_EQ(Trim(), "other 0 0");
  EXPECT_EQ(Ids(), "");
}

TEST_F(StreamWriterTest, IsAnotherIncarnationAfterRestartWithoutStorage) {
  Begin();
  ASSERT_EQ(Append({1}), "done 1");
  redis_.Kill();
  EXPECT_TRUE(absl::IsUnavailable(writer_->TrimAcknowledged("s", incarnation_, {}).status()));
  EXPECT_TRUE(absl::IsUnavailable(writer_->Begin("s", {}).status()));
  redis_.Start();
  EXPECT_EQ(Append({2}), "other 0");
  EXPECT_EQ(Trim(), "other 0 0");
}

// What it has loaded may lack the last entries and acknowledgements.
TEST_F(StreamWriterTest, IsAnotherIncarnationAfterRestartWithAllThatItHad) {
  PrivateRedis storing({.configuration = {"appendonly yes", "appendfsync always"}});
  const auto writer = Writer(storing);
  const auto incarnation = writer->Begin("s", std::vector<std::string>{"a"});
  ASSERT_TRUE(incarnation.ok()) << incarnation.status();
  const std::vector<NumberedEntry> entries = {{1, {{"a", "b"}}}};
  ASSERT_EQ(writer->Append("s", *incarnation, kRoom, entries)->verdict, StreamVerdict::kDone);
  storing.Stop();
  storing.Start();
  ASSERT_EQ(storing.Ask({"XLEN", "s"}).integer(), 1);
  EXPECT_EQ(writer->TrimAcknowledged("s", *incarnation, {})->verdict,
            StreamVerdict::kOtherIncarnation);
  EXPECT_EQ(writer->Append("s", *incarnation, kRoom, {{{2, {{"a", "b"}}}}})->verdict,
            StreamVerdict::kOtherIncarnation);
  EXPECT_EQ(storing.Ask({"XLEN", "s"}).integer(), 1);
}

TEST_F(StreamWriterTest, IsAnotherIncarnationWhenTheStreamAloneWasRemoved) {
  Begin();
  ASSERT_EQ(Append({1, 2}), "done 2");
  redis_.Ask({"DEL", "s"});
  EXPECT_EQ(Append({3}), "other 0");
  EXPECT_EQ(Trim(), "other 0 0");
  EXPECT_EQ(redis_.Ask({"EXISTS", "s"}).integer(), 0);
}

// The readers make stream and groups within a millisecond. What was not acknowledged is lost all
// the same, and must not count as acknowledged once later entries are.
TEST_F(StreamWriterTest, IsAnotherIncarnationWhenReadersHaveMadeTheRemovedStreamAnew) {
  Begin();
  ASSERT_EQ(Append({1, 2}), "done 2");
  redis_.Ask({"DEL", "s"});
  for (const char* group : {"a", "b"}) {
    redis_.Ask({"XGROUP", "CREATE", "s", group, "0", "MKSTREAM"});
  }
  EXPECT_EQ(Append({3}), "other 0");
  EXPECT_EQ(Trim(), "other 0 0");
  EXPECT_EQ(Ids(), "");
}

TEST_F(StreamWriterTest, BeginsAnewWhereAKeyIsOfAnotherType) {
  Begin();
  redis_.Ask({"SET", "s", "text"});
  EXPECT_EQ(Append({1}), "other 0");
  EXPECT_EQ(Trim(), "other 0 0");
  Begin();
  ASSERT_EQ(Append({1}), "done 1");
  redis_.Ask({"DEL", "s:incarnation"});
  redis_.Ask({"LPUSH", "s:incarnation", "text"});
  EXPECT_EQ(Append({2}), "other 0");
  EXPECT_EQ(Trim(), "other 0 0");
  Begin();
  EXPECT_EQ(Append({1}), "done 1");
}

}  // namespace
}  // namespace scaleout
