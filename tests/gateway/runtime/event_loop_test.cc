#include "gateway/runtime/event_loop.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "common/str_cat.h"
#include "tests/gateway/runtime/event_loop_fixture.h"
#include "tests/support/eventually.h"
#include "tests/support/function_jobs.h"
#include "tests/support/standstill.h"

namespace scaleout::gateway {
namespace {

using std::chrono::seconds;
using ::testing::ElementsAre;
using testing::Eventually;
using testing::FunctionHoldListener;
using testing::FunctionJob;
using testing::FunctionWatcher;

// Two connected non-blocking sockets; the test's end is closed with the pair, the other one is
// closed by what takes it.
class SocketPair {
 public:
  SocketPair() {
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds_.data()), 0);
  }
  ~SocketPair() {
    for (const int fd : fds_) {
      if (fd >= 0) ::close(fd);
    }
  }
  int ours() const { return fds_[0]; }
  int theirs() const { return fds_[1]; }
  int ReleaseTheirs() { return std::exchange(fds_[1], -1); }
  void CloseOurs() { ::close(std::exchange(fds_[0], -1)); }

 private:
  std::array<int, 2> fds_{-1, -1};
};

TEST_F(EventLoopTest, RunsJobsOnItsThreadInTheOrderOfTheirPosts) {
  FunctionJob first([this] {
    char thread[16] = {};
    pthread_getname_np(pthread_self(), thread, sizeof thread);
    Note(std::string("first on ") + thread);
  });
  FunctionJob second([this] { Note("second"); });
  loop.Post(first);
  loop.Post(second);
  EXPECT_TRUE(Words().empty()) << "nothing runs before the start";
  loops.Start();
  EXPECT_TRUE(Eventually([this] { return Words().size() == 2; }));
  EXPECT_THAT(Words(), ElementsAre("first on loop-0", "second"));
}

TEST_F(EventLoopTest, RunsDeferredJobsAtTheEndOfTheTurn) {
  loops.Start();
  FunctionJob deferred([this] { Note("deferred"); });
  FunctionJob posted([this] { Note("posted"); });
  OnLoop([&] {
    loop.Defer(deferred);
    loop.Post(posted);
    Note("turn");
  });
  EXPECT_TRUE(Eventually([this] { return Words().size() == 3; }));
  EXPECT_THAT(Words(), ElementsAre("turn", "deferred", "posted"));
}

TEST_F(EventLoopTest, RunsWhatADeferredJobDefersInAnotherTurn) {
  loops.Start();
  int turns = 0;
  std::unique_ptr<FunctionJob> again;
  again = std::make_unique<FunctionJob>([&] {
    if (++turns < 1000) loop.Defer(*again);
  });
  OnLoop([&] { loop.Defer(*again); });
  // The loop goes on with other work in between.
  OnLoop([] {});
  EXPECT_TRUE(Eventually([&] {
    int seen = 0;
    OnLoop([&] { seen = turns; });
    return seen == 1000;
  }));
}

TEST_F(EventLoopTest, RunsAJobThatHoldsTheLoopAsTheLastOfItsTurn) {
  loops.Start();
  FunctionJob sending([this] { Note("what a listener deferred"); });
  FunctionHoldListener listener([&] {
    Note("listener");
    if (Words().size() == 2) loop.Defer(sending);
  });
  FunctionJob deferred([this] { Note("deferred"); });
  FunctionJob first([&] {
    Note("first hold");
    loop.Defer(deferred);
  });
  FunctionJob second([this] { Note("second hold"); });
  OnLoop([&] {
    loop.AddHoldListener(listener);
    loop.Hold(first);
    loop.Hold(second);
    loop.Defer(deferred);
  });
  EXPECT_TRUE(Eventually([this] { return Words().size() == 9; }));
  OnLoop([&] { loop.RemoveHoldListener(listener); });
  EXPECT_THAT(Words(),
              ElementsAre("deferred", "listener", "what a listener deferred", "listener",
                          "first hold", "deferred", "listener", "listener", "second hold"));
}

// The tick would run them, too: 1,000 in 10 s.
TEST_F(EventLoopTest, DoesNotWaitForTheTickBetweenJobsThatHoldTheLoop) {
  loops.Start();
  const MonotonicTime start = SystemClock().Now();
  std::atomic<int> runs{0};
  std::unique_ptr<FunctionJob> again;
  again = std::make_unique<FunctionJob>([&] {
    if (++runs < 1000) loop.Hold(*again);
  });
  OnLoop([&] { loop.Hold(*again); });
  ASSERT_TRUE(Eventually([&] { return runs == 1000; }));
  EXPECT_LT(SystemClock().Now() - start, testing::kStandstill);
}

TEST_F(EventLoopTest, ReportsAWatchedDescriptorWhileItIsReady) {
  loops.Start();
  const SocketPair pair;
  std::atomic<int> calls{0};
  FunctionWatcher watcher([&](FdEvents ready) {
    EXPECT_TRUE(ready.readable);
    EXPECT_FALSE(ready.writable);
    ++calls;
  });
  OnLoop([&] { loop.Watch(pair.theirs(), {.readable = true}, watcher); });
  ASSERT_EQ(::write(pair.ours(), "x", 1), 1);
  EXPECT_TRUE(Eventually([&] { return calls >= 3; })) << "level triggered: again until it is read";
  OnLoop([&] { loop.Unwatch(pair.theirs()); });
  const int after = calls;
  OnLoop([] {});
  EXPECT_EQ(calls, after);
}

TEST_F(EventLoopTest, WatchingAgainChangesTheInterestAndTheWatcher) {
  loops.Start();
  const SocketPair pair;
  std::atomic<bool> writable{false};
  FunctionWatcher first([this](FdEvents) { Note("first"); });
  FunctionWatcher second([&](FdEvents ready) { writable = ready.writable && !ready.readable; });
  OnLoop([&] {
    loop.Watch(pair.theirs(), {.readable = true}, first);
    loop.Watch(pair.theirs(), {.writable = true}, second);
  });
  EXPECT_TRUE(Eventually([&] { return writable.load(); }));
  OnLoop([&] {
    loop.Unwatch(pair.theirs());
    loop.Unwatch(pair.theirs());
  });
  EXPECT_TRUE(Words().empty());
}

TEST_F(EventLoopTest, ReportsAnErrorOfAWatchedDescriptorAsReadable) {
  loops.Start();
  std::array<int, 2> pipe{-1, -1};
  ASSERT_EQ(::pipe2(pipe.data(), O_NONBLOCK | O_CLOEXEC), 0);
  ::close(pipe[0]);
  std::atomic<bool> readable{false};
  FunctionWatcher watcher([&](FdEvents ready) { readable = ready.readable; });
  OnLoop([&] { EXPECT_TRUE(loop.Watch(pipe[1], {.readable = true}, watcher)); });
  EXPECT_TRUE(Eventually([&] { return readable.load(); }));
  OnLoop([&] { loop.Unwatch(pipe[1]); });
  ::close(pipe[1]);
}

TEST_F(EventLoopTest, RefusesToWatchWhatCannotBeWatched) {
  loops.Start();
  FunctionWatcher watcher([](FdEvents) {});
  OnLoop([&] { EXPECT_FALSE(loop.Watch(1'000'000, {.readable = true}, watcher)); });
}

TEST_F(EventLoopTest, ReportsAPeersBytesAndItsEndAndClosesIt) {
  loops.Start();
  SocketPair pair;
  const int fd = pair.ReleaseTheirs();
  std::atomic<bool> ended{false};
  FunctionWatcher watcher([&](FdEvents ready) {
    EXPECT_TRUE(ready.readable);
    char byte = 0;
    ssize_t size = 0;
    while ((size = ::recv(fd, &byte, 1, MSG_DONTWAIT)) > 0) Note(std::string(1, byte));
    if (size == 0) ended = true;
  });
  OnLoop([&] { ASSERT_TRUE(loop.AddPeer(fd, watcher)); });
  EXPECT_EQ(::write(pair.ours(), "a", 1), 1);
  EXPECT_TRUE(Eventually([this] { return Words().size() == 1; }));
  EXPECT_EQ(::write(pair.ours(), "b", 1), 1);
  EXPECT_TRUE(Eventually([this] { return Words().size() == 2; }));
  pair.CloseOurs();
  EXPECT_TRUE(Eventually([&] { return ended.load(); }));
  OnLoop([&] { loop.ClosePeer(fd); });
  EXPECT_EQ(::write(fd, "x", 1), -1) << "the descriptor is closed";
}

// Who reads the last bytes has to know that there is an end behind them: no event says it again.
TEST_F(EventLoopTest, ReportsTheEndOfAPeerTogetherWithItsLastBytes) {
  loops.Start();
  SocketPair pair;
  const int fd = pair.ReleaseTheirs();
  FunctionWatcher watcher([&](FdEvents ready) {
    Note(StrCat(ready.readable, ready.writable, ready.ended));
    std::array<char, 8> bytes;
    EXPECT_EQ(::recv(fd, bytes.data(), bytes.size(), MSG_DONTWAIT), 1);
  });
  OnLoop([&] { ASSERT_TRUE(loop.AddPeer(fd, watcher)); });
  EXPECT_EQ(::write(pair.ours(), "a", 1), 1);
  EXPECT_TRUE(Eventually([this] { return Words().size() == 1; }));
  OnLoop([&] {
    EXPECT_EQ(::write(pair.ours(), "b", 1), 1);
    ::shutdown(pair.ours(), SHUT_WR);
  });
  EXPECT_TRUE(Eventually([this] { return Words().size() == 2; }));
  EXPECT_THAT(Words(), ElementsAre("100", "101"));
  OnLoop([&] { loop.ClosePeer(fd); });
}

TEST_F(EventLoopTest, APeerThatCannotBeWatchedIsRefusedAndClosed) {
  loops.Start();
  FunctionWatcher watcher([](FdEvents) {});
  std::array<char, 32> path{"/tmp/event_loop_test.XXXXXX"};
  const int file = ::mkstemp(path.data());  // epoll takes no regular files
  ASSERT_GE(file, 0);
  ::unlink(path.data());
  OnLoop([&] { EXPECT_FALSE(loop.AddPeer(file, watcher)); });
  EXPECT_EQ(::write(file, "x", 1), -1);
}

TEST_F(EventLoopTest, CallsItsListenersAtEachTick) {
  std::atomic<int> ticks{0};
  loops.OnEachTick([&](std::size_t index, Duration lag) {
    EXPECT_EQ(index, 0U);
    EXPECT_GE(lag, Duration::zero());
    ++ticks;
  });
  loops.Start();
  EXPECT_TRUE(Eventually([&] { return ticks >= 3; }));
  EXPECT_TRUE(loops.MakeProgress(SystemClock().Now(), seconds(20)));
}

TEST_F(EventLoopTest, StopRunsWhatIsPostedAndHeldStill) {
  loops.Start();
  OnLoop([] {});
  std::atomic<bool> blocked{false};
  std::atomic<bool> release{false};
  FunctionJob block([&] {
    blocked = true;
    while (!release) std::this_thread::yield();
  });
  loop.Post(block);
  EXPECT_TRUE(Eventually([&] { return blocked.load(); }));  // the loop has the jobs until it stops
  FunctionJob held([this] { Note("held"); });
  FunctionJob last([&] {
    Note("last");
    loop.Hold(held);
  });
  std::jthread stopper([this] { loops.Stop(); });
  loop.Post(last);
  release = true;
  stopper.join();
  EXPECT_THAT(Words(), ElementsAre("last", "held"));
}

}  // namespace
}  // namespace scaleout::gateway
