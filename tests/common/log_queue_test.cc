#include "common/log_queue.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <thread>

#include "common/str_cat.h"

namespace scaleout {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;

// A queue that writes into a pipe which is full until the test reads it.
class LogQueueTest : public ::testing::Test {
 protected:
  LogQueueTest() {
    int ends[2];
    EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0);
    read_end_ = ends[0];
    write_end_ = ends[1];
    // One page, which is the least that a pipe holds.
    EXPECT_GT(fcntl(write_end_, F_SETPIPE_SZ, 4096), 0);
    const std::string page(4096, '#');
    EXPECT_EQ(write(write_end_, page.data(), page.size()), 4096);
    queue_ = std::make_unique<LogQueue>(write_end_, [](const LogQueue::Dropped& dropped) {
      return StrCat("dropped ", dropped[0], " ", dropped[1], " ", dropped[2], " ", dropped[3],
                    "\n");
    });
    // The writer blocks on this one, so that all others wait. It has time to take it before they
    // come.
    queue_->Push(LogLevel::kInfo, "first\n");
    EXPECT_FALSE(queue_->AwaitWritten(milliseconds(50)));
  }
  ~LogQueueTest() override { close(read_end_); }

  // What is written until the queue has ended, without the page.
  std::string EndAndRead() {
    std::jthread end([this] {
      queue_.reset();
      close(write_end_);
    });
    std::string text;
    char bytes[4096];
    for (ssize_t count = 0; (count = read(read_end_, bytes, sizeof(bytes))) > 0;) {
      text.append(bytes, static_cast<std::size_t>(count));
    }
    end.join();
    return text.substr(std::min(text.size(), text.find_first_not_of('#')));
  }

  int read_end_ = -1;
  int write_end_ = -1;
  std::unique_ptr<LogQueue> queue_;
};

TEST_F(LogQueueTest, AccessLinesDoNotDisplaceWarningsAndErrors) {
  queue_->Push(LogLevel::kWarn, "circuit open\n");
  queue_->Push(LogLevel::kError, "cannot go on\n");
  for (std::size_t i = 0; i < 2 * kLogQueueLines; ++i) queue_->Push(LogLevel::kInfo, "access\n");
  EXPECT_GE(queue_->dropped(LogLevel::kInfo), kLogQueueLines);
  EXPECT_EQ(queue_->dropped(LogLevel::kWarn), 0U);
  EXPECT_EQ(queue_->dropped(LogLevel::kError), 0U);
  const std::string text = EndAndRead();
  EXPECT_THAT(text, HasSubstr("circuit open\ncannot go on\n"));
}

TEST_F(LogQueueTest, WarningsAreBoundedTooAndTheOldestGoes) {
  for (std::size_t i = 0; i < kLogQueueWarnings + 5; ++i) {
    queue_->Push(LogLevel::kWarn, StrCat("<", i, ">\n"));
  }
  EXPECT_EQ(queue_->dropped(LogLevel::kWarn), 5U);
  const std::string text = EndAndRead();
  EXPECT_THAT(text, ::testing::Not(HasSubstr("<4>")));
  EXPECT_THAT(text, HasSubstr(StrCat("<5>\n<6>\n")));
  EXPECT_THAT(text, HasSubstr("dropped 0 0 5 0\n"));
}

TEST_F(LogQueueTest, WritesTheLinesOfAllLevelsInTheirOrder) {
  for (const LogLevel level : {LogLevel::kInfo, LogLevel::kWarn, LogLevel::kDebug, LogLevel::kError,
                               LogLevel::kInfo, LogLevel::kWarn}) {
    queue_->Push(level, StrCat(static_cast<int>(level), ";"));
  }
  EXPECT_EQ(EndAndRead(), "first\n1;2;0;3;1;2;");
}

TEST_F(LogQueueTest, WaitsOnlyForTheLinesThatWerePushedBefore) {
  EXPECT_FALSE(queue_->AwaitWritten(milliseconds(1)));
  char page[4096];
  EXPECT_EQ(read(read_end_, page, sizeof(page)), 4096);
  EXPECT_TRUE(queue_->AwaitWritten(std::chrono::seconds(10)));
  EndAndRead();
}

// A queue whose pause does not end by itself, with a pipe that keeps each write apart (O_DIRECT).
class LogQueuePauseTest : public ::testing::Test {
 protected:
  explicit LogQueuePauseTest(milliseconds pause = std::chrono::hours(1)) {
    int ends[2];
    EXPECT_EQ(pipe2(ends, O_CLOEXEC | O_DIRECT), 0);
    read_end_ = ends[0];
    write_end_ = ends[1];
    queue_ = std::make_unique<LogQueue>(
        write_end_, [](const LogQueue::Dropped&) { return "dropped\n"; }, pause);
  }
  ~LogQueuePauseTest() override {
    queue_.reset();
    close(read_end_);
    close(write_end_);
  }

  // The next write of the queue; waits for it.
  std::string ReadWrite() {
    std::string bytes(64 * 1024, '\0');
    const ssize_t count = read(read_end_, bytes.data(), bytes.size());
    bytes.resize(count < 0 ? 0 : static_cast<std::size_t>(count));
    return bytes;
  }

  // Has the queue write one line, after which it pauses.
  void StartPause() {
    queue_->Push(LogLevel::kInfo, "first\n");
    EXPECT_EQ(ReadWrite(), "first\n");
    EXPECT_TRUE(queue_->AwaitWritten(std::chrono::seconds(10)));
  }

  int read_end_ = -1;
  int write_end_ = -1;
  std::unique_ptr<LogQueue> queue_;
};

TEST_F(LogQueuePauseTest, WarningEndsThePauseAndWhatWaitedIsWrittenWithIt) {
  StartPause();
  queue_->Push(LogLevel::kInfo, "second\n");
  queue_->Push(LogLevel::kInfo, "third\n");
  queue_->Push(LogLevel::kWarn, "circuit open\n");
  EXPECT_EQ(ReadWrite(), "second\nthird\ncircuit open\n");
}

TEST_F(LogQueuePauseTest, WarningEndsOnePauseAndNotTheNext) {
  StartPause();
  queue_->Push(LogLevel::kWarn, "circuit open\n");
  EXPECT_EQ(ReadWrite(), "circuit open\n");
  EXPECT_TRUE(queue_->AwaitWritten(std::chrono::seconds(10)));
  queue_->Push(LogLevel::kInfo, "second\n");
  pollfd readable = {read_end_, POLLIN, 0};
  EXPECT_EQ(poll(&readable, 1, 50), 0) << "written within the pause";
  queue_->Push(LogLevel::kWarn, "circuit closed\n");
  EXPECT_EQ(ReadWrite(), "second\ncircuit closed\n");
}

TEST_F(LogQueuePauseTest, AwaitWrittenEndsThePause) {
  StartPause();
  queue_->Push(LogLevel::kInfo, "second\n");
  queue_->Push(LogLevel::kInfo, "third\n");
  EXPECT_TRUE(queue_->AwaitWritten(std::chrono::seconds(10)));
  EXPECT_EQ(ReadWrite(), "second\nthird\n");
}

TEST_F(LogQueuePauseTest, ManyLinesEndThePause) {
  StartPause();
  for (std::size_t i = 0; i < kLogLinesPerPause; ++i) queue_->Push(LogLevel::kInfo, "\n");
  EXPECT_EQ(ReadWrite(), std::string(kLogLinesPerPause, '\n'));
}

TEST_F(LogQueuePauseTest, TheEndOfTheQueueEndsThePause) {
  StartPause();
  queue_->Push(LogLevel::kInfo, "second\n");
  queue_.reset();
  EXPECT_EQ(ReadWrite(), "second\n");
}

class LogQueueShortPauseTest : public LogQueuePauseTest {
 protected:
  LogQueueShortPauseTest() : LogQueuePauseTest(kLogPause) {}
};

TEST_F(LogQueueShortPauseTest, LineIsWrittenAfterThePauseWithoutAnother) {
  StartPause();
  queue_->Push(LogLevel::kInfo, "second\n");
  EXPECT_EQ(ReadWrite(), "second\n");
}

}  // namespace
}  // namespace scaleout
