#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "redis/redis_script.h"
#include "tests/integration/fake_redis.h"
#include "tests/integration/revocation_stream_fixture.h"
#include "tests/support/eventually.h"

namespace scaleout {
namespace {

using namespace std::chrono_literals;
using testing::Eventually;
using testing::FakeRedis;
using testing::PrivateRedis;

TEST_F(RevocationStreamTest, ReaderGetsWhatIsPublishedAfterItBegan) {
  Publish({"before"});
  Begin();
  EXPECT_EQ(Read(), "");
  Publish({"a", "b"});
  Publish({"c"});
  EXPECT_EQ(Read(), "a b c");
  EXPECT_EQ(Read(), "");
  Publish({"a"});
  EXPECT_EQ(Read(), "a");
}

TEST_F(RevocationStreamTest, ReaderLearnsTheServersTime) {
  Publish({});
  Begin();
  const WallTime before = std::chrono::floor<std::chrono::milliseconds>(SystemClock().WallNow());
  const auto batch = reader_->Read(position_, 10);
  ASSERT_TRUE(batch.ok()) << batch.status();
  EXPECT_GE(batch->server_time, before);
  EXPECT_LE(batch->server_time, SystemClock().WallNow());
}

TEST_F(RevocationStreamTest, EveryReaderGetsEverything) {
  Publish({});
  const auto other = Reader(redis_);
  Begin();
  auto position = other->Begin();
  ASSERT_TRUE(position.ok());
  Publish({"a"});
  EXPECT_EQ(Read(), "a");
  const auto batch = other->Read(*position, 10);
  ASSERT_TRUE(batch.ok());
  EXPECT_EQ(batch->session_ids, std::vector<std::string>{"a"});
}

TEST_F(RevocationStreamTest, IsNotBegunBeforePublisherWasThere) {
  EXPECT_TRUE(absl::IsFailedPrecondition(reader_->Begin().status()));
  EXPECT_EQ(redis_.Ask({"DBSIZE"}).integer(), 0);
  Publish({});
  Begin();
  EXPECT_EQ(position_.last_id, "0-0");
  EXPECT_EQ(Read(), "");
  Publish({"a"});
  EXPECT_EQ(Read(), "a");
}

TEST_F(RevocationStreamTest, ReadsNoMoreThanTheLimitAtATime) {
  Publish({"before"});
  Begin();
  Publish({"a", "b", "c", "d", "e"});
  EXPECT_EQ(Read(2), "a b ...");
  EXPECT_EQ(Read(2), "c d ...");
  EXPECT_EQ(Read(2), "e");
  EXPECT_EQ(Read(2), "");
}

TEST_F(RevocationStreamTest, PublishersShareAnIncarnation) {
  const std::string first = Publish({"a"});
  EXPECT_EQ(Publish({}), first);
  const auto other = Publisher(redis_)->Publish(std::vector<std::string>{"b"});
  ASSERT_TRUE(other.ok());
  EXPECT_EQ(*other, first);
  Begin();
  EXPECT_EQ(position_.incarnation, first);
}

TEST_F(RevocationStreamTest, FlushedStreamIsAnotherOneBeforeAndAfterItIsBegunAgain) {
  const std::string first = Publish({"a"});
  Begin();
  redis_.Ask({"FLUSHALL"});
  EXPECT_EQ(Read(), "DATA_LOSS");
  EXPECT_TRUE(absl::IsFailedPrecondition(reader_->Begin().status()));
  EXPECT_NE(Publish({"b"}), first);
  EXPECT_EQ(Read(), "DATA_LOSS");
  Begin();
  EXPECT_EQ(Read(), "");
}

TEST_F(RevocationStreamTest, StreamRemovedByHandIsOneThatHasLostEntries) {
  Publish({"a", "b"});
  Begin();
  redis_.Ask({"DEL", "revocations"});
  EXPECT_EQ(Read(), "DATA_LOSS");
  // Of as many entries as before, with ids that are not above those.
  redis_.Ask({"XADD", "revocations", "1-0", "sid", "c"});
  redis_.Ask({"XADD", "revocations", "2-0", "sid", "d"});
  EXPECT_EQ(Read(), "DATA_LOSS");
}

TEST_F(RevocationStreamTest, NoticesEntriesThatWereTrimmedBeforeItReadThem) {
  Publish({"a"});
  Begin();
  Publish({"b", "c"});
  redis_.Ask({"XTRIM", "revocations", "MAXLEN", "1"});
  EXPECT_EQ(Read(), "DATA_LOSS");
  Begin();
  Publish({"d"});
  redis_.Ask({"XTRIM", "revocations", "MAXLEN", "0"});
  EXPECT_EQ(Read(), "DATA_LOSS");
}

TEST_F(RevocationStreamTest, EntriesThatItHasReadMayBeTrimmed) {
  Publish({"a", "b"});
  Begin();
  Publish({"c"});
  ASSERT_EQ(Read(), "c");
  redis_.Ask({"XTRIM", "revocations", "MAXLEN", "0"});
  EXPECT_EQ(Read(), "");
  Publish({"d"});
  EXPECT_EQ(Read(), "d");
}

TEST_F(RevocationStreamTest, FailedReadLeavesThePosition) {
  Publish({"a"});
  Begin();
  Publish({"b"});
  {
    const auto frozen = redis_.Freeze();
    const auto impatient = Reader(redis_, kImpatient);
    RevocationPosition position = position_;
    EXPECT_TRUE(absl::IsDeadlineExceeded(impatient->Read(position, 10).status()));
    EXPECT_EQ(position.last_id, position_.last_id);
    EXPECT_EQ(position.added, position_.added);
  }
  EXPECT_EQ(Read(), "b");
}

TEST_F(RevocationStreamTest, RemovesEntriesByTheirAge) {
  // Whole nodes of a stream go, of 100 entries by default.
  redis_.Ask({"CONFIG", "SET", "stream-node-max-entries", "1"});
  const auto short_lived = Publisher(redis_, {.client = kPatient, .age = 1ms});
  ASSERT_TRUE(short_lived->Publish(std::vector<std::string>{"a"}).ok());
  EXPECT_TRUE(Eventually([&] { return short_lived->Publish({}).ok() && Length() == 0; }));
  Publish({"b", "c"});
  Publish({"d"});
  EXPECT_EQ(Length(), 3);
}

TEST_F(RevocationStreamTest, HoldsNoMoreThanTheGreatestNumberOfEntries) {
  redis_.Ask({"CONFIG", "SET", "stream-node-max-entries", "1"});
  const auto bounded = Publisher(redis_, {.client = kPatient, .max_entries = 3});
  ASSERT_TRUE(bounded->Publish(std::vector<std::string>{"a", "b", "c", "d", "e"}).ok());
  EXPECT_EQ(Length(), 3);
  const RedisReply entries = redis_.Ask({"XRANGE", "revocations", "-", "+"});
  EXPECT_EQ(entries.at(0).at(1).at(1).text(), "c");
}

TEST_F(RevocationStreamTest, PublishesAllOrNothingWhereTheServerIsFull) {
  Publish({"a"});
  redis_.Ask({"CONFIG", "SET", "maxmemory", "1"});
  const auto published = publisher_->Publish(std::vector<std::string>{"b", "c"});
  EXPECT_TRUE(absl::IsResourceExhausted(published.status())) << published.status();
  redis_.Ask({"CONFIG", "SET", "maxmemory", "0"});
  EXPECT_EQ(Length(), 1);
}

TEST_F(RevocationStreamTest, PublishesLargeBatches) {
  Publish({});
  Begin();
  Publish(std::vector<std::string>(5000, std::string(32, 'a')));
  EXPECT_EQ(Length(), 5000);
  const auto batch = reader_->Read(position_, 10'000);
  ASSERT_TRUE(batch.ok());
  EXPECT_EQ(batch->session_ids.size(), 5000U);
}

TEST_F(RevocationStreamTest, PublisherIsDeadlineExceededWhereTheServerIsFrozenAndGoesOn) {
  Publish({"a"});
  const auto impatient = Publisher(redis_, {.client = kImpatient});
  {
    const auto frozen = redis_.Freeze();
    EXPECT_TRUE(absl::IsDeadlineExceeded(impatient->Publish({}).status()));
  }
  EXPECT_TRUE(Eventually([&] { return impatient->Publish({}).ok(); }));
}

TEST_F(RevocationStreamTest, WaitEndsWithAnEntryOrWithItsTime) {
  Publish({"a"});
  Begin();
  EXPECT_TRUE(reader_->Wait(position_, 0ms).ok());
  EXPECT_TRUE(reader_->Wait(position_, 20ms).ok());
  auto waiting = std::async(std::launch::async, [&] { return reader_->Wait(position_, kLong); });
  Publish({"b"});
  EXPECT_TRUE(waiting.get().ok());
  EXPECT_EQ(Read(), "b");
}

TEST_F(RevocationStreamTest, WaitsForEntriesOfAStreamThatHasNoneYet) {
  Publish({});
  Begin();
  auto waiting = std::async(std::launch::async, [&] { return reader_->Wait(position_, kLong); });
  Publish({"a"});
  EXPECT_TRUE(waiting.get().ok());
}

TEST_F(RevocationStreamTest, EntriesWithoutTheFieldArePassedOver) {
  Publish({"a"});
  Begin();
  redis_.Ask({"XADD", "revocations", "*", "other", "x"});
  redis_.Ask({"XADD", "revocations", "*", "other", "x", "sid", "b"});
  EXPECT_EQ(Read(), "b");
  EXPECT_EQ(Read(), "");
}

// It has what it stored; but what it had acknowledged last may be lost.
TEST(RevocationStream, RestartedServerHasAnotherIncarnation) {
  PrivateRedis redis({.configuration = {"appendonly yes", "appendfsync always"}});
  const auto publisher = MakeRedisRevocationPublisher(
      redis.server(), {.client = {.retry_pause = Duration::zero()}}, SystemClock());
  const auto reader =
      MakeRedisRevocationReader(redis.server(), {.retry_pause = Duration::zero()}, SystemClock());
  const auto first = publisher->Publish(std::vector<std::string>{"a"});
  ASSERT_TRUE(first.ok()) << first.status();
  auto position = reader->Begin();
  ASSERT_TRUE(position.ok());
  redis.Kill();
  EXPECT_FALSE(reader->Read(*position, 10).ok());
  redis.Start();
  EXPECT_EQ(redis.Ask({"XLEN", "revocations"}).integer(), 1);
  absl::Status read;
  EXPECT_TRUE(Eventually([&] {
    read = reader->Read(*position, 10).status();
    return !absl::IsUnavailable(read);
  }));
  EXPECT_TRUE(absl::IsDataLoss(read)) << read;
  EXPECT_NE(reader->Begin()->incarnation, *first);
}

TEST(RevocationStream, RefusesAnswersThatAreNone) {
  for (const std::string answer :
       {"+OK\r\n", "*4\r\n$1\r\nx\r\n$1\r\ny\r\n$1\r\nz\r\n*0\r\n", "*1\r\n$1\r\nx\r\n",
        "*4\r\n$1\r\nx\r\n$1\r\ny\r\n:1\r\n*1\r\n:5\r\n"}) {
    FakeRedis server({.answers = {answer}});
    const auto reader =
        MakeRedisRevocationReader({.address = server.address(), .password = ""}, {}, SystemClock());
    RevocationPosition position{.incarnation = "x", .last_id = "0-0", .added = 0};
    EXPECT_TRUE(absl::IsInternal(reader->Read(position, 1).status())) << answer;
  }
  FakeRedis server({.answers = {":1\r\n"}});
  const auto publisher = MakeRedisRevocationPublisher({.address = server.address(), .password = ""},
                                                      {}, SystemClock());
  EXPECT_TRUE(absl::IsInternal(publisher->Publish({}).status()));
}

}  // namespace
}  // namespace scaleout
