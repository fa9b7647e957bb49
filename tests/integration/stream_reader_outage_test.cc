#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <future>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "redis/stream_reader.h"
#include "tests/integration/fake_redis.h"
#include "tests/integration/stream_reader_fixture.h"
#include "tests/support/eventually.h"

namespace scaleout {
namespace {

using namespace std::chrono_literals;
using testing::Eventually;
using testing::FakeRedis;

constexpr RedisClientOptions kImpatient = {
    .connect_timeout = 50ms, .command_timeout = 50ms, .retry_pause = 0ms};

class StreamReaderOutageTest : public StreamReaderTest {
 protected:
  // A call of ReadNew() that the server holds back.
  std::future<absl::StatusOr<std::vector<StreamEntry>>> ReadBlocked(StreamReader& reader) {
    EXPECT_TRUE(reader.ReadNew(1, 0s).ok());
    auto reading = std::async(std::launch::async, [&] { return reader.ReadNew(10, kLong); });
    EXPECT_TRUE(Eventually([&] { return BlockedClients() == 1; }));
    return reading;
  }
};

TEST_F(StreamReaderOutageTest, MakesTheGroupAnewWhenFlushedWhileItWaits) {
  const auto reader = Reader("a", {"s", "t"});
  auto reading = ReadBlocked(*reader);
  redis_.Ask({"FLUSHALL"});
  EXPECT_EQ(IdsOf(reading.get()), "");
  Add("s", 1);
  EXPECT_EQ(IdsOf(reader->ReadNew(10, 0s)), "s/1-0");
}

TEST_F(StreamReaderOutageTest, MakesTheGroupAnewWhenItIsDestroyedWhileItWaits) {
  const auto reader = Reader("a");
  auto reading = ReadBlocked(*reader);
  redis_.Ask({"XGROUP", "DESTROY", "s", "g"});
  EXPECT_EQ(IdsOf(reading.get()), "");
  Add("s", 1);
  EXPECT_EQ(IdsOf(reader->ReadNew(10, 0s)), "s/1-0");
}

// A publisher that begins a stream anew removes it, and makes stream and groups, in one step.
TEST_F(StreamReaderOutageTest, ReadsStreamThatIsBegunAnewWhileItWaits) {
  const auto reader = Reader("a");
  auto reading = ReadBlocked(*reader);
  redis_.Ask({"EVAL",
              "redis.call('DEL', 's') redis.call('XGROUP', 'CREATE', 's', 'g', '0', 'MKSTREAM') "
              "redis.call('XADD', 's', '7-0', 'a', 'b')",
              "0"});
  const auto first = reading.get();
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(first->empty() ? IdsOf(reader->ReadNew(10, 0s)) : IdsOf(first), "s/7-0");
}

TEST_F(StreamReaderOutageTest, ForgetsPlaceOfClaimsWithTheStream) {
  const auto reader = Reader("a");
  ASSERT_TRUE(reader->ReadNew(1, 0s).ok());
  for (int i = 1; i <= 2; ++i) Add("s", i);
  ASSERT_TRUE(reader->ReadNew(10, 0s).ok());
  ASSERT_EQ(IdsOf(reader->ClaimIdle(1, 0s)), "s/1-0");
  redis_.Ask({"FLUSHALL"});
  ASSERT_EQ(IdsOf(reader->ClaimIdle(1, 0s)), "");
  Add("s", 1);
  ASSERT_EQ(IdsOf(reader->ReadNew(10, 0s)), "s/1-0");
  EXPECT_EQ(IdsOf(reader->ClaimIdle(1, 0s)), "s/1-0");
}

TEST_F(StreamReaderOutageTest, IsUnavailableWhenServerIsKilledWhileItWaitsAndGoesOnAfterwards) {
  const auto reader = Reader("a");
  auto reading = ReadBlocked(*reader);
  redis_.Kill();
  EXPECT_TRUE(absl::IsUnavailable(reading.get().status()));
  EXPECT_TRUE(absl::IsUnavailable(reader->ReadNew(10, 0s).status()));
  EXPECT_TRUE(absl::IsUnavailable(reader->ClaimIdle(10, 0s).status()));
  EXPECT_TRUE(absl::IsUnavailable(reader->Acknowledge("s", std::vector<std::string>{"1-0"})));
  EXPECT_TRUE(absl::IsUnavailable(reader->Backlogs().status()));
  EXPECT_TRUE(absl::IsUnavailable(reader->ForgetConsumers(0s)));
  redis_.Start();
  EXPECT_EQ(IdsOf(reader->ReadNew(10, 0s)), "");  // without persistence: begun anew
  Add("s", 1);
  EXPECT_EQ(IdsOf(reader->ReadNew(10, 0s)), "s/1-0");
}

TEST_F(StreamReaderOutageTest, FindsGroupAndPendingEntriesAfterRestartOfServerThatStores) {
  testing::PrivateRedis redis({.configuration = {"appendonly yes", "appendfsync always"}});
  const auto reader = MakeRedisStreamReader(
      redis.server(), kPatient, {.streams = {"s"}, .group = "g", .consumer = "a"}, SystemClock());
  ASSERT_TRUE(reader->ReadNew(1, 0s).ok());
  redis.Ask({"XADD", "s", "1-0", "f", "v"});
  redis.Ask({"XADD", "s", "2-0", "f", "v"});
  ASSERT_EQ(IdsOf(reader->ReadNew(1, 0s)), "s/1-0");
  redis.Kill();
  redis.Start();
  ASSERT_EQ(redis.Ask({"XLEN", "s"}).integer(), 2);  // has loaded
  EXPECT_EQ(IdsOf(reader->ReadNew(10, 0s)), "s/2-0");
  EXPECT_EQ(IdsOf(reader->ClaimIdle(10, 0s)), "s/1-0 s/2-0");
}

TEST_F(StreamReaderOutageTest, EndsWhileServerIsFrozenAndGoesOnAfterwards) {
  const auto reader = Reader("a", {"s"}, kImpatient);
  // A slow machine may need several attempts.
  ASSERT_TRUE(Eventually([&] { return reader->ReadNew(1, 0s).ok(); }));
  {
    const auto frozen = redis_.Freeze();
    EXPECT_TRUE(absl::IsDeadlineExceeded(reader->ReadNew(10, 10ms).status()));
    EXPECT_FALSE(reader->ClaimIdle(10, 0s).ok());
    EXPECT_FALSE(reader->Acknowledge("s", std::vector<std::string>{"1-0"}).ok());
    EXPECT_FALSE(reader->Backlogs().ok());
  }
  Add("s", 1);
  EXPECT_TRUE(Eventually([&] {
    if (!reader->ReadNew(10, 0s).ok()) return false;
    const auto claimed = reader->ClaimIdle(10, 0s);
    return IdsOf(claimed) == "s/1-0";
  }));
}

// The server carries out what it finds in its sockets when it thaws, and gives entries to a reader
// that has left: they are pending, and claimed.
TEST_F(StreamReaderOutageTest, ClaimsEntriesThatWereGivenToConnectionThatWasGivenUp) {
  ASSERT_TRUE(Reader("a")->ReadNew(1, 0s).ok());
  Add("s", 1);
  const auto reader = Reader("a", {"s"}, kImpatient);
  ASSERT_TRUE(Eventually([&] { return reader->Backlogs().ok(); }));
  {
    const auto frozen = redis_.Freeze();
    ASSERT_TRUE(absl::IsDeadlineExceeded(reader->ReadNew(10, 0s).status()));
  }
  ASSERT_TRUE(Eventually([&] { return Pending("s") == 1; }));
  EXPECT_EQ(IdsOf(Reader("b")->ReadNew(10, 0s)), "");
  EXPECT_EQ(IdsOf(Reader("b")->ClaimIdle(10, 0s)), "s/1-0");
}

// Where the server is no Redis, or one that differs.
class StreamReaderUnexpectedReplyTest : public ::testing::Test {
 protected:
  using Call = std::function<absl::Status(StreamReader&)>;

  static absl::Status StatusOf(const std::string& reply, const Call& call) {
    FakeRedis fake({.answers = {reply, reply}});
    const auto reader =
        MakeRedisStreamReader({fake.address(), ""}, {.command_timeout = 60s},
                              {.streams = {"s"}, .group = "g", .consumer = "a"}, SystemClock());
    return call(*reader);
  }

  static void ExpectInternal(const std::vector<std::string>& replies, const Call& call) {
    for (const std::string& reply : replies) {
      const absl::Status status = StatusOf(reply, call);
      EXPECT_TRUE(absl::IsInternal(status)) << reply << status;
    }
  }
};

constexpr char kStream[] = "*1\r\n*2\r\n$1\r\ns\r\n";

TEST_F(StreamReaderUnexpectedReplyTest, IsInternalForNewEntries) {
  const Call read = [](StreamReader& reader) { return reader.ReadNew(1, 0s).status(); };
  const std::string stream = kStream;
  EXPECT_TRUE(StatusOf("*-1\r\n", read).ok());
  EXPECT_TRUE(StatusOf(stream + "*1\r\n*2\r\n$3\r\n1-0\r\n*0\r\n", read).ok());
  ExpectInternal(
      {":1\r\n", "+OK\r\n", "*1\r\n:1\r\n", "*1\r\n*1\r\n$1\r\ns\r\n", "*1\r\n*2\r\n:1\r\n*0\r\n",
       stream + ":1\r\n", stream + "*-1\r\n", stream + "*1\r\n:1\r\n", stream + "*1\r\n*0\r\n",
       stream + "*1\r\n*2\r\n:1\r\n*0\r\n", stream + "*1\r\n*2\r\n$3\r\n1-0\r\n*-1\r\n",
       // An odd number of fields, and one that is no text.
       stream + "*1\r\n*2\r\n$3\r\n1-0\r\n*1\r\n$1\r\nf\r\n",
       stream + "*1\r\n*2\r\n$3\r\n1-0\r\n*2\r\n$1\r\nf\r\n:1\r\n",
       stream + "*1\r\n*2\r\n$3\r\n1-0\r\n*2\r\n:1\r\n$1\r\nv\r\n"},
      read);
}

TEST_F(StreamReaderUnexpectedReplyTest, IsInternalForClaims) {
  const Call claim = [](StreamReader& reader) { return reader.ClaimIdle(1, 0s).status(); };
  EXPECT_TRUE(StatusOf("*3\r\n$3\r\n0-0\r\n*0\r\n*0\r\n", claim).ok());
  ExpectInternal({":1\r\n", "*-1\r\n", "*0\r\n", "*2\r\n:1\r\n*0\r\n", "*1\r\n$3\r\n0-0\r\n",
                  "*2\r\n$3\r\n0-0\r\n:1\r\n", "*2\r\n$3\r\n0-0\r\n*1\r\n*-1\r\n"},
                 claim);
}

TEST_F(StreamReaderUnexpectedReplyTest, IsInternalForBacklogs) {
  const Call ask = [](StreamReader& reader) { return reader.Backlogs().status(); };
  const std::string group = "*1\r\n*2\r\n:1\r\n*1\r\n";
  EXPECT_TRUE(StatusOf("*1\r\n*2\r\n:1\r\n*0\r\n", ask).ok());
  // Another group, and one without a lag.
  EXPECT_TRUE(StatusOf(group + "*2\r\n$4\r\nname\r\n$1\r\nx\r\n", ask).ok());
  EXPECT_TRUE(StatusOf(group + "*4\r\n$4\r\nname\r\n$1\r\ng\r\n$7\r\npending\r\n:0\r\n", ask).ok());
  ExpectInternal(
      {":1\r\n", "*0\r\n", "*1\r\n:1\r\n", "*1\r\n*2\r\n$1\r\n1\r\n*0\r\n",
       "*1\r\n*2\r\n:1\r\n:1\r\n", group + "*2\r\n$4\r\nname\r\n$1\r\ng\r\n",
       group + "*6\r\n$4\r\nname\r\n$1\r\ng\r\n$7\r\npending\r\n:0\r\n$3\r\nlag\r\n+1\r\n"},
      ask);
}

TEST_F(StreamReaderUnexpectedReplyTest, IsInternalForAcknowledgementsAndForgottenConsumers) {
  const Call acknowledge = [](StreamReader& reader) {
    return reader.Acknowledge("s", std::vector<std::string>{"1-0"});
  };
  const Call forget = [](StreamReader& reader) { return reader.ForgetConsumers(0s); };
  for (const Call& call : {acknowledge, forget}) {
    EXPECT_TRUE(StatusOf(":0\r\n", call).ok());
    ExpectInternal({"*0\r\n", "$-1\r\n", "+OK\r\n"}, call);
  }
}

// Where the group cannot be made either, as on a server that is full.
TEST_F(StreamReaderUnexpectedReplyTest, PassesOnWhyTheGroupCannotBeMade) {
  FakeRedis fake({.answers = {"-NOGROUP no\r\n", "-OOM no\r\n", "-NOGROUP no\r\n", "-OOM no\r\n"}});
  const auto reader =
      MakeRedisStreamReader({fake.address(), ""}, {.command_timeout = 60s},
                            {.streams = {"s"}, .group = "g", .consumer = "a"}, SystemClock());
  EXPECT_TRUE(absl::IsResourceExhausted(reader->ReadNew(1, 0s).status()));
  EXPECT_TRUE(absl::IsResourceExhausted(reader->ClaimIdle(1, 0s).status()));
}

}  // namespace
}  // namespace scaleout
