#include "common/process_stats.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <future>
#include <thread>
#include <vector>

#include "common/clock.h"

namespace scaleout {
namespace {

TEST(ProcessStats, CountsADescriptorWhileItIsOpen) {
  const std::int64_t before = ReadProcessStats().open_fds;
  const int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
  ASSERT_GE(fd, 0);
  EXPECT_EQ(ReadProcessStats().open_fds, before + 1);
  close(fd);
  EXPECT_EQ(ReadProcessStats().open_fds, before);
}

TEST(ProcessStats, CountsThreadsWhileTheyRun) {
  // Many, as a sanitizer may add one of its own, and one that was joined may linger in the kernel.
  constexpr int kThreads = 32;
  const std::int64_t before = ReadProcessStats().threads;
  EXPECT_GE(before, 1);
  EXPECT_LT(before, kThreads);

  std::promise<void> end;
  const std::shared_future<void> ended = end.get_future().share();
  std::vector<std::jthread> threads;
  for (int i = 0; i < kThreads; ++i) threads.emplace_back([ended] { ended.wait(); });
  EXPECT_GT(ReadProcessStats().threads, kThreads);
  end.set_value();
  for (std::jthread& thread : threads) thread.join();
}

TEST(ProcessStats, ResidentMemoryGrowsWithPagesTouched) {
  constexpr std::size_t kBytes = 64 << 20;
  const std::int64_t before = ReadProcessStats().resident_bytes;
  void* pages = mmap(nullptr, kBytes, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  ASSERT_NE(pages, MAP_FAILED);
  EXPECT_GE(ReadProcessStats().resident_bytes, before + static_cast<std::int64_t>(kBytes) / 2);
  munmap(pages, kBytes);
}

TEST(ProcessStats, CpuTimeGrowsByWhatIsBurnt) {
  const double before = ReadProcessStats().cpu_seconds;
  const MonotonicTime give_up = SystemClock().Now() + std::chrono::seconds(30);
  while (ReadProcessStats().cpu_seconds < before + 0.03) {
    ASSERT_LT(SystemClock().Now(), give_up) << "CPU time does not move";
  }
}

TEST(ProcessStats, StartedWithinTheLastMinutes) {
  const double now =
      std::chrono::duration<double>(SystemClock().WallNow().time_since_epoch()).count();
  const double started = ReadProcessStats().start_time_seconds;
  EXPECT_GT(started, now - 600);
  EXPECT_LT(started, now + 2);
}

TEST(ProcessStats, AreReadBehindAProgramNameWithBlanksAndParentheses) {
  const double started = ReadProcessStats().start_time_seconds;
  std::array<char, 16> name{};
  ASSERT_EQ(prctl(PR_GET_NAME, name.data()), 0);
  ASSERT_EQ(prctl(PR_SET_NAME, "a) b (c) d"), 0);
  const double renamed = ReadProcessStats().start_time_seconds;
  prctl(PR_SET_NAME, name.data());
  EXPECT_EQ(renamed, started);
}

}  // namespace
}  // namespace scaleout
