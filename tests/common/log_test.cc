#include "common/log.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <future>
#include <limits>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "common/metrics.h"
#include "common/str_cat.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_logger.h"

namespace scaleout {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// A logger that writes into a pipe, whose other end the test reads.
class LogTest : public ::testing::Test {
 protected:
  LogTest() {
    int ends[2];
    EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0);
    read_end_ = ends[0];
    write_end_ = ends[1];
  }

  ~LogTest() override {
    CloseReadEnd();
    CloseWriteEnd();
  }

  std::unique_ptr<Logger> MakeLogger(LogLevel level = LogLevel::kInfo) {
    LogOptions options;
    options.service = "api-gateway";
    options.instance = "api-gateway-1";
    options.level = level;
    options.fd = write_end_;
    options.clock = &clock_;
    options.flush_limit = flush_limit_;
    return MakeJsonLogger(options);
  }

  // What has been written so far.
  std::string ReadWritten() {
    std::string text;
    char bytes[4096];
    pollfd readable = {read_end_, POLLIN, 0};
    while (poll(&readable, 1, 0) == 1 && (readable.revents & POLLIN) != 0) {
      const ssize_t count = read(read_end_, bytes, sizeof(bytes));
      if (count <= 0) break;
      text.append(bytes, static_cast<std::size_t>(count));
    }
    return text;
  }

  // Everything until the write end is closed.
  std::string ReadToEnd() {
    std::string text;
    char bytes[65536];
    for (ssize_t count; (count = read(read_end_, bytes, sizeof(bytes))) > 0;) {
      text.append(bytes, static_cast<std::size_t>(count));
    }
    return text;
  }

  void CloseReadEnd() {
    if (read_end_ >= 0) close(std::exchange(read_end_, -1));
  }
  void CloseWriteEnd() {
    if (write_end_ >= 0) close(std::exchange(write_end_, -1));
  }

  static std::vector<std::string> Lines(const std::string& text) {
    std::vector<std::string> lines;
    for (std::size_t start = 0; start < text.size();) {
      const std::size_t end = text.find('\n', start);
      lines.push_back(text.substr(start, end - start));
      if (end == std::string::npos) break;
      start = end + 1;
    }
    return lines;
  }

  testing::FakeClock clock_;
  std::chrono::milliseconds flush_limit_{10'000};
  int read_end_ = -1;
  int write_end_ = -1;
};

TEST_F(LogTest, ALineIsOneJsonObjectWithItsFixedAndNamedFields) {
  const auto logger = MakeLogger();
  clock_.Advance(std::chrono::milliseconds(234));
  logger->Warn("circuit opened", {{"backend", "payment"},
                                  {"calls", 20},
                                  {"ratio", 0.5},
                                  {"forced", false},
                                  {"bytes", std::uint64_t{18446744073709551615u}},
                                  {"delta", std::int64_t{-9}},
                                  {"name", std::string("x")}});
  logger->Flush();
  EXPECT_EQ(ReadWritten(),
            "{\"ts\":\"2019-12-20T00:00:01.234Z\",\"level\":\"WARN\",\"service\":\"api-gateway\","
            "\"instance\":\"api-gateway-1\",\"msg\":\"circuit opened\",\"backend\":\"payment\","
            "\"calls\":20,\"ratio\":0.5,\"forced\":false,\"bytes\":18446744073709551615,"
            "\"delta\":-9,\"name\":\"x\"}\n");
}

TEST_F(LogTest, EachLineHasTheTimeAtWhichItWasMade) {
  const auto logger = MakeLogger();
  for (const int ms : {7, 1'000, 58'993}) {
    clock_.Advance(std::chrono::milliseconds(ms));
    logger->Info("now");
  }
  logger->Flush();
  const std::vector<std::string> lines = Lines(ReadWritten());
  ASSERT_THAT(lines, SizeIs(3));
  EXPECT_THAT(lines[0], HasSubstr("00:00:01.007Z"));
  EXPECT_THAT(lines[1], HasSubstr("00:00:02.007Z"));
  EXPECT_THAT(lines[2], HasSubstr("00:01:01.000Z"));
}

TEST_F(LogTest, EscapesWhatJsonDoesNotTake) {
  const auto logger = MakeLogger();
  logger->Info("say \"\\\"\n\t\x01\x7f", {{"ke\"y", std::string("nul \0 byte", 10)}});
  logger->Flush();
  EXPECT_THAT(ReadWritten(), HasSubstr("\"msg\":\"say \\\"\\\\\\\"\\n\\u0009\\u0001\\u007f\","
                                       "\"ke\\\"y\":\"nul \\u0000 byte\"}"));
}

TEST_F(LogTest, KeepsUtf8AndReplacesWhatIsNone) {
  const auto logger = MakeLogger();
  logger->Info("\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x99\x82");
  logger->Flush();
  EXPECT_THAT(ReadWritten(), HasSubstr("\"\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x99\x82\""));

  // Lone continuation, overlong, surrogate, over U+10FFFF, a sequence cut by another and by the
  // end.
  logger->Info("\x80|\xC0\xAF|\xE0\x80\x80|\xED\xA0\x80|\xF4\x90\x80\x80|\xE2\x82|\xC3");
  logger->Flush();
  const std::string r = "\\ufffd";
  EXPECT_THAT(ReadWritten(), HasSubstr(StrCat("\"", r, "|", r, r, "|", r, r, r, "|", r, r, r, "|",
                                              r, r, r, r, "|", r, r, "|", r, "\"")));
}

TEST_F(LogTest, DoesNotReadPastTheEndOfAMessageThatEndsWithinACharacter) {
  const auto logger = MakeLogger();
  logger->Info(std::string_view("\xC3\xA9", 1));
  logger->Flush();
  EXPECT_THAT(ReadWritten(), HasSubstr("\"\\ufffd\""));
}

TEST_F(LogTest, NumbersThatJsonCannotWriteAreNull) {
  const auto logger = MakeLogger();
  logger->Info("x", {{"a", std::numeric_limits<double>::infinity()},
                     {"b", std::numeric_limits<double>::quiet_NaN()}});
  logger->Flush();
  EXPECT_THAT(ReadWritten(), HasSubstr("\"a\":null,\"b\":null}"));
}

TEST_F(LogTest, WritesItsLevelAndThoseAbove) {
  const auto logger = MakeLogger(LogLevel::kWarn);
  EXPECT_FALSE(logger->Enabled(LogLevel::kInfo));
  EXPECT_TRUE(logger->Enabled(LogLevel::kWarn));
  logger->Debug("no");
  logger->Info("no");
  logger->Warn("yes");
  logger->Error("yes");
  logger->Flush();
  const std::vector<std::string> lines = Lines(ReadWritten());
  ASSERT_THAT(lines, SizeIs(2));
  EXPECT_THAT(lines[0], HasSubstr("\"level\":\"WARN\""));
  EXPECT_THAT(lines[1], HasSubstr("\"level\":\"ERROR\""));
}

TEST_F(LogTest, ALineIsWrittenWithoutAFlush) {
  const auto logger = MakeLogger();
  logger->Info("at once");
  pollfd readable = {read_end_, POLLIN, 0};
  ASSERT_EQ(poll(&readable, 1, 10'000), 1);
  EXPECT_THAT(ReadWritten(), HasSubstr("at once"));
}

TEST_F(LogTest, FlushWaitsForEveryLineSoFar) {
  const auto logger = MakeLogger();
  for (int round = 0; round < 50; ++round) {
    for (int i = 0; i < 5; ++i) logger->Info("line");
    logger->Flush();
    ASSERT_THAT(Lines(ReadWritten()), SizeIs(5));
  }
}

TEST_F(LogTest, FlushOfNothingReturnsAtOnce) { MakeLogger()->Flush(); }

TEST_F(LogTest, DestructionWritesWhatIsQueued) {
  auto logger = MakeLogger();
  for (int i = 0; i < 100; ++i) logger->Info("line");
  logger.reset();
  EXPECT_THAT(Lines(ReadWritten()), SizeIs(100));
}

TEST_F(LogTest, ManyThreadsWriteWholeLines) {
  auto logger = MakeLogger();
  auto text = std::async(std::launch::async, [this] { return ReadToEnd(); });
  std::vector<std::jthread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&logger, t] {
      for (int i = 0; i < 1000; ++i) logger->Info(StrCat("<", t, "/", i, ">"));
    });
  }
  for (std::jthread& thread : threads) thread.join();
  logger.reset();
  CloseWriteEnd();

  std::set<std::string> seen;
  for (const std::string& line : Lines(text.get())) {
    EXPECT_THAT(line, HasSubstr("{\"ts\":\"2019"));
    ASSERT_THAT(line, EndsWith("\"}"));
    seen.insert(line.substr(line.find('<')));
  }
  EXPECT_THAT(seen, SizeIs(4000));
}

TEST_F(LogTest, DropsTheOldestLinesRatherThanBlockAndSaysHowMany) {
  auto logger = MakeLogger();
  constexpr int kSent = 3 * static_cast<int>(kLogQueueLines);
  // Without a reader the pipe takes the first few lines and the queue the last ones.
  for (int i = 0; i < kSent; ++i) logger->Info(StrCat("<", i, ">"));

  // The count comes as soon as there is room, not with the logger's end.
  std::string text;
  pollfd readable = {read_end_, POLLIN, 0};
  while (text.find("log lines dropped") == std::string::npos) {
    ASSERT_EQ(poll(&readable, 1, 10'000), 1);
    text += ReadWritten();
  }
  // And once: the next line does not bring it again.
  logger->Info(StrCat("<", kSent, ">"));
  logger.reset();
  text += ReadWritten();
  int received = 0;
  int dropped = 0;
  bool last_seen = false;
  for (const std::string& line : Lines(text)) {
    if (line.find("log lines dropped") == std::string::npos) {
      ++received;
      last_seen = line.find(StrCat("<", kSent, ">")) != std::string::npos;
      continue;
    }
    EXPECT_THAT(line, HasSubstr("\"level\":\"WARN\""));
    EXPECT_THAT(line, HasSubstr("\"debug\":0,"));
    EXPECT_THAT(line, HasSubstr("\"warn\":0,\"error\":0}"));
    const std::string_view key = "\"dropped\":";
    dropped += std::atoi(line.c_str() + line.find(key) + key.size());
  }
  EXPECT_TRUE(last_seen);
  EXPECT_GE(received, static_cast<int>(kLogQueueLines));
  EXPECT_GE(dropped, static_cast<int>(kLogQueueLines) / 2);
  EXPECT_EQ(received + dropped, kSent + 1);
}

TEST_F(LogTest, WritesThroughADescriptorThatDoesNotBlock) {
  ASSERT_EQ(fcntl(write_end_, F_SETFL, O_NONBLOCK), 0);
  auto logger = MakeLogger();
  for (int i = 0; i < 2000; ++i) logger->Info("more than the pipe holds");
  auto text = std::async(std::launch::async, [this] { return ReadToEnd(); });
  logger.reset();
  CloseWriteEnd();
  EXPECT_THAT(Lines(text.get()), SizeIs(2000));
}

TEST_F(LogTest, SurvivesAReaderThatIsGone) {
  CloseReadEnd();
  auto logger = MakeLogger();
  logger->Info("without a reader");
  logger->Flush();
  logger->Info("without a reader");
  logger.reset();
}

TEST_F(LogTest, NeitherFlushNorDestructionHangsOnAReaderThatStopped) {
  flush_limit_ = std::chrono::milliseconds(20);
  auto logger = MakeLogger();
  for (int i = 0; i < 2000; ++i) logger->Info("more than the pipe holds");
  const MonotonicTime start = SystemClock().Now();
  logger->Flush();
  EXPECT_GE(SystemClock().Now() - start, flush_limit_);
  logger.reset();
  EXPECT_GE(SystemClock().Now() - start, 2 * flush_limit_);
  EXPECT_LT(SystemClock().Now() - start, std::chrono::seconds(5));
  // The writer that was left behind still uses the pipe.
  read_end_ = -1;
  write_end_ = -1;
}

TEST_F(LogTest, DroppedLinesAreAMetricByLevel) {
  auto logger = MakeLogger();
  const std::unique_ptr<Metrics> metrics = MakeMetrics();
  AddLogMetrics(*metrics, *logger);
  EXPECT_THAT(metrics->RenderPrometheus(), HasSubstr("log_lines_dropped_total{level=\"info\"} 0"));
  for (std::size_t i = 0; i < 2 * kLogQueueLines; ++i) logger->Info("more than the queue holds");
  EXPECT_GT(logger->dropped(LogLevel::kInfo), 0U);
  EXPECT_THAT(metrics->RenderPrometheus(),
              HasSubstr(StrCat("log_lines_dropped_total{level=\"info\"} ",
                               logger->dropped(LogLevel::kInfo))));
  EXPECT_THAT(metrics->RenderPrometheus(), HasSubstr("log_lines_dropped_total{level=\"warn\"} 0"));
  auto text = std::async(std::launch::async, [this] { return ReadToEnd(); });
  logger.reset();
  CloseWriteEnd();
  EXPECT_THAT(text.get(), HasSubstr("log lines dropped"));
}

TEST(NullLogger, IsSilentAtEveryLevel) {
  const auto logger = MakeNullLogger();
  EXPECT_FALSE(logger->Enabled(LogLevel::kError));
  logger->Log(LogLevel::kError, "x", {});
  logger->Flush();
}

TEST(FakeLogger, KeepsLinesWithTheirFieldsAsText) {
  testing::FakeLogger logger;
  EXPECT_THAT(logger.lines(), IsEmpty());
  logger.Debug("a", {{"n", 42}, {"ok", true}, {"r", 0.5}, {"s", "text"}});
  logger.Error("b");
  logger.Warn("b", {{"last", true}});
  ASSERT_THAT(logger.lines(), SizeIs(3));
  EXPECT_EQ(logger.lines()[0].fields.at("n"), "42");
  EXPECT_EQ(logger.lines()[0].fields.at("ok"), "true");
  EXPECT_EQ(logger.lines()[0].fields.at("r"), "0.5");
  EXPECT_EQ(logger.lines()[0].fields.at("s"), "text");
  EXPECT_EQ(logger.CountOf("b"), 2u);
  ASSERT_TRUE(logger.Find("b").has_value());
  EXPECT_EQ(logger.Find("b")->level, LogLevel::kWarn);
  EXPECT_FALSE(logger.Find("c").has_value());
}

}  // namespace
}  // namespace scaleout
