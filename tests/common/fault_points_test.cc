#include "common/fault_points.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "common/env.h"
#include "tests/support/fake_logger.h"

namespace scaleout {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::ExitedWithCode;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::KilledBySignal;

constexpr FaultPoint kBefore{"before_charge", "the payment is there, the provider not asked"};
constexpr FaultPoint kAfter{"after_charge", "the provider has answered"};
constexpr FaultPoint kPoints[] = {kBefore, kAfter};

struct Loaded {
  FaultConfig config;
  std::string problems;
};

Loaded Load(EnvironmentMap variables) {
  Loaded loaded;
  loaded.config.points = kPoints;
  Environment env(std::move(variables), {"LAB_", "FAULT"});
  Settings settings(env);
  DeclareFaultSettings(settings, loaded.config);
  loaded.problems = std::string(env.Check().message());
  return loaded;
}

// A process of its own, with `faults` armed, that passes `point` so many times and then ends.
void PassInThisProcess(const std::vector<ArmedFault>& faults, const FaultPoint& point, int times) {
  testing::FakeLogger logger;
  const FaultPoints points({.points = kPoints, .allowed = true, .armed = faults}, logger);
  for (int i = 0; i < times; ++i) points.Pass(point);
  std::_Exit(0);
}

TEST(FaultPoints, AreNotArmedByDefault) {
  const Loaded loaded = Load({});
  EXPECT_FALSE(loaded.config.allowed);
  EXPECT_THAT(loaded.config.armed, IsEmpty());
  EXPECT_EQ(loaded.problems, "");
}

TEST(FaultPoints, AreArmedByTheSetting) {
  const Loaded loaded =
      Load({{"LAB_FAULTS", "on"}, {"FAULT", "after_charge:exit,before_charge:stop@3"}});
  EXPECT_EQ(loaded.problems, "");
  EXPECT_THAT(loaded.config.armed, ElementsAre(ArmedFault{"after_charge", FaultAction::kExit, 1},
                                               ArmedFault{"before_charge", FaultAction::kStop, 3}));
}

TEST(FaultPoints, AreRefusedWithoutLabFaults) {
  const Loaded loaded = Load({{"FAULT", "after_charge:exit"}});
  EXPECT_THAT(loaded.problems, AllOf(HasSubstr("FAULT"), HasSubstr("needs LAB_FAULTS=on")));
}

TEST(FaultPoints, AreListedWhereAnUnknownOneIsNamed) {
  const Loaded loaded = Load({{"LAB_FAULTS", "on"}, {"FAULT", "after_lunch:exit"}});
  EXPECT_THAT(loaded.problems,
              HasSubstr("the points of this program: before_charge, after_charge"));
}

TEST(FaultPoints, RefuseWhatIsNoFault) {
  for (const char* text :
       {"after_charge", "after_charge:", "after_charge:explode", "after_charge:exit@0",
        "after_charge:exit@", "after_charge:exit@x", "after_charge:exit@1000001",
        "after_charge:exit@1x", ":exit", "after_charge:exit,", "after_charge:exit:stop"}) {
    const Loaded loaded = Load({{"LAB_FAULTS", "on"}, {"FAULT", text}});
    EXPECT_THAT(loaded.problems, HasSubstr("FAULT")) << text;
  }
  EXPECT_EQ(Load({{"LAB_FAULTS", "on"}, {"FAULT", "after_charge:exit@1000000"}}).problems, "");
}

TEST(FaultPoints, AreDescribedOneALine) {
  EXPECT_EQ(DescribeFaultPoints(kPoints),
            "before_charge\tthe payment is there, the provider not asked\n"
            "after_charge\tthe provider has answered\n");
}

TEST(FaultPointsDeathTest, ExitKillsTheProcess) {
  EXPECT_EXIT(PassInThisProcess({{"after_charge", FaultAction::kExit, 1}}, kAfter, 1),
              KilledBySignal(SIGKILL), "");
}

TEST(FaultPointsDeathTest, AnotherPointHasNoEffect) {
  EXPECT_EXIT(PassInThisProcess({{"after_charge", FaultAction::kExit, 1}}, kBefore, 3),
              ExitedWithCode(0), "");
}

TEST(FaultPointsDeathTest, OnlyTheNthPassageCounts) {
  const std::vector<ArmedFault> third = {{"after_charge", FaultAction::kExit, 3}};
  EXPECT_EXIT(PassInThisProcess(third, kAfter, 2), ExitedWithCode(0), "");
  EXPECT_EXIT(PassInThisProcess(third, kAfter, 3), KilledBySignal(SIGKILL), "");
}

TEST(FaultPointsDeathTest, NothingHappensWhereFaultsAreNotAllowed) {
  const auto pass = [] {
    testing::FakeLogger logger;
    const FaultPoints points(
        {.points = kPoints, .allowed = false, .armed = {{"after_charge", FaultAction::kExit, 1}}},
        logger);
    points.Pass(kAfter);
    std::_Exit(logger.lines().empty() ? 0 : 1);
  };
  EXPECT_EXIT(pass(), ExitedWithCode(0), "");
}

TEST(FaultPoints, StopStopsTheProcessOnce) {
  const pid_t child = ::fork();
  ASSERT_NE(child, -1);
  if (child == 0) PassInThisProcess({{"after_charge", FaultAction::kStop, 1}}, kAfter, 2);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, WUNTRACED), child);
  EXPECT_TRUE(WIFSTOPPED(status));
  ASSERT_EQ(::kill(child, SIGCONT), 0);
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status));
}

// Whichever thread the kernel would give a signal to the process.
TEST(FaultPoints, StopHoldsTheThreadThatPasses) {
  for (int i = 0; i < 20; ++i) {
    std::array<int, 2> pipe{};
    ASSERT_EQ(::pipe2(pipe.data(), O_NONBLOCK), 0);
    const pid_t child = ::fork();
    ASSERT_NE(child, -1);
    if (child == 0) {
      std::thread([&pipe] {
        testing::FakeLogger logger;
        const FaultPoints points({.points = kPoints,
                                  .allowed = true,
                                  .armed = {{"after_charge", FaultAction::kStop, 1}}},
                                 logger);
        points.Pass(kAfter);
        std::_Exit(::write(pipe[1], "x", 1) == 1 ? 0 : 1);
      }).join();
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, WUNTRACED), child);
    EXPECT_TRUE(WIFSTOPPED(status));
    char passed = 0;
    EXPECT_EQ(::read(pipe[0], &passed, 1), -1) << "the thread went on, in child " << i;
    ASSERT_EQ(::kill(child, SIGKILL), 0);
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ::close(pipe[0]);
    ::close(pipe[1]);
  }
}

TEST(FaultPoints, SayAtTheStartWhatIsArmed) {
  testing::FakeLogger logger;
  const FaultPoints points(
      {.points = kPoints, .allowed = true, .armed = {{"after_charge", FaultAction::kExit, 2}}},
      logger);
  const std::optional<testing::LoggedLine> line =
      logger.Find("LAB_FAULTS is on: this process may end or stop itself");
  ASSERT_TRUE(line.has_value());
  EXPECT_EQ(line->level, LogLevel::kWarn);
  EXPECT_EQ(line->fields.at("faults"), "after_charge:exit@2");
}

// For the race detector: many threads pass a point whose turn never comes.
TEST(FaultPoints, ArePassedByManyThreadsAtOnce) {
  testing::FakeLogger logger;
  const FaultPoints points({.points = kPoints,
                            .allowed = true,
                            .armed = {{"after_charge", FaultAction::kExit, 1'000'000}}},
                           logger);
  const auto pass = [&points] {
    for (int i = 0; i < 1000; ++i) points.Pass(kAfter);
  };
  const std::jthread first(pass);
  const std::jthread second(pass);
}

TEST(FaultPoints, NoneArePassedWithoutEffect) { FaultPoints::None().Pass(kAfter); }

}  // namespace
}  // namespace scaleout
