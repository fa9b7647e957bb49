#include "service/run_service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace scaleout {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::internal::CaptureStderr;
using ::testing::internal::CaptureStdout;
using ::testing::internal::GetCapturedStderr;
using ::testing::internal::GetCapturedStdout;

// What a run came to; none of these gets as far as a database.
struct Outcome {
  int exit_code = -1;
  std::string out;
  std::string err;
  bool wired = false;
  int watts = 60;
};

constexpr FaultPoint kFaultPoints[] = {{"after_switch", "the lamp is on, its owner not asked"}};

ServiceProgram Program(Outcome& outcome) {
  return {.name = "lamp-service",
          .purpose = "owns the lamps",
          .settings = {.prefix = "LAMP_",
                       .fault_points = kFaultPoints,
                       .declare =
                           [&outcome](Settings& settings) {
                             settings.Int("LAMP_WATTS", outcome.watts, 1, 100,
                                          "how bright a lamp is");
                           }},
          .wire = [&outcome](ServiceContext&) {
            outcome.wired = true;
            return 0;
          }};
}

Outcome RunLampService(std::vector<const char*> options, EnvironmentMap variables = {}) {
  Outcome outcome;
  options.insert(options.begin(), "lamp-service");
  CaptureStdout();
  CaptureStderr();
  outcome.exit_code = RunService(static_cast<int>(options.size()), options.data(), Program(outcome),
                                 std::move(variables));
  outcome.out = GetCapturedStdout();
  outcome.err = GetCapturedStderr();
  return outcome;
}

TEST(RunService, HelpNamesThePurposeAndEverySettingAndWiresNothing) {
  const Outcome outcome = RunLampService({"--help"});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_THAT(outcome.out, HasSubstr("lamp-service: owns the lamps"));
  EXPECT_THAT(outcome.out, HasSubstr("SERVICE_LISTEN"));
  EXPECT_THAT(outcome.out, HasSubstr("DB_POOL_WAIT"));
  EXPECT_THAT(outcome.out, HasSubstr("LAMP_WATTS"));
  EXPECT_THAT(outcome.err, IsEmpty());
  EXPECT_FALSE(outcome.wired);
}

TEST(RunService, MarkdownHelpHasTheTablesOfEverySettingAlone) {
  const Outcome outcome = RunLampService({"--help=markdown"});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_THAT(outcome.out, HasSubstr("| `SERVICE_LISTEN` |"));
  EXPECT_THAT(outcome.out, HasSubstr("| `LAMP_WATTS` |"));
  EXPECT_THAT(outcome.out, Not(HasSubstr("owns the lamps")));
  EXPECT_FALSE(outcome.wired);
}

TEST(RunService, FaultPointsAreListed) {
  const Outcome outcome = RunLampService({"--fault-points"});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_EQ(outcome.out, "after_switch\tthe lamp is on, its owner not asked\n");
  EXPECT_FALSE(outcome.wired);
}

TEST(RunService, FaultsOfOtherProgramsAreRefused) {
  const Outcome outcome = RunLampService({}, {{"DB_CONNINFO", "dbname=lamps user=lamp"},
                                              {"LAB_FAULTS", "on"},
                                              {"FAULT", "after_charge:exit"}});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.err, HasSubstr("the points of this program: after_switch"));
  EXPECT_FALSE(outcome.wired);
}

TEST(RunService, VersionIsPrintedAlone) {
  const Outcome outcome = RunLampService({"--version"});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_THAT(outcome.out, ::testing::MatchesRegex("[0-9]+\\.[0-9]+\\.[0-9]+\n"));
  EXPECT_FALSE(outcome.wired);
}

TEST(RunService, OptionThatIsUnknownIsRefusedByName) {
  const Outcome outcome = RunLampService({"--nonsense"});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.err, HasSubstr("--nonsense"));
  EXPECT_THAT(outcome.out, IsEmpty());
  EXPECT_FALSE(outcome.wired);
}

TEST(RunService, OptionAfterAnotherIsRefused) {
  const Outcome outcome = RunLampService({"--help", "--version"});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.out, IsEmpty());
}

// A verb of each kind, which all print what they were called with.
std::vector<ServiceVerb> Verbs(const int& watts) {
  const auto print = [&watts](const VerbCall& call) {
    call.out << "watts " << watts;
    for (const auto& [name, value] : call.values) call.out << ", " << name << " " << value;
    return absl::OkStatus();
  };
  return {{.name = "--light", .help = "lights a lamp", .run = print},
          {.name = "--measure",
           .options = {"room", "lamp"},
           .help = "measures one",
           .needs = VerbNeeds::kOwnSettings,
           .run = print},
          {.name = "--store", .needs = VerbNeeds::kDatabase, .run = print},
          {.name = "--fail",
           .run = [](const VerbCall&) { return absl::NotFoundError("there is no lamp"); }}};
}

Outcome RunVerbOf(std::vector<const char*> options, EnvironmentMap variables = {}) {
  Outcome outcome;
  ServiceProgram program = Program(outcome);
  program.verbs = Verbs(outcome.watts);
  options.insert(options.begin(), "lamp-service");
  CaptureStdout();
  CaptureStderr();
  outcome.exit_code =
      RunService(static_cast<int>(options.size()), options.data(), program, std::move(variables));
  outcome.out = GetCapturedStdout();
  outcome.err = GetCapturedStderr();
  EXPECT_FALSE(outcome.wired);
  return outcome;
}

TEST(RunService, HelpNamesTheVerbsAndTheirOptions) {
  const Outcome outcome = RunVerbOf({"--help"});
  EXPECT_THAT(outcome.out, HasSubstr("--light\n      lights a lamp\n"));
  EXPECT_THAT(outcome.out, HasSubstr("--measure --room=... --lamp=...\n"));
  EXPECT_THAT(RunLampService({"--help"}).out, Not(HasSubstr("VERB")));
}

TEST(RunService, VerbThatNeedsNoSettingsRunsWithWrongOnes) {
  const Outcome outcome = RunVerbOf({"--light"}, {{"LAMP_WATTS", "500"}});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_EQ(outcome.out, "watts 60");
}

TEST(RunService, VerbThatNeedsTheServicesOwnSettingsHasThemWithoutADatabase) {
  const Outcome outcome = RunVerbOf({"--measure", "--lamp=a=b", "--room=hall"},
                                    {{"LAMP_WATTS", "75"}, {"DB_POOL_MAX", "0"}});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(outcome.out, "watts 75, lamp a=b, room hall");
  const Outcome wrong = RunVerbOf({"--measure", "--lamp=a", "--room=b"}, {{"LAMP_WATTS", "500"}});
  EXPECT_EQ(wrong.exit_code, 1);
  EXPECT_THAT(wrong.err, HasSubstr("LAMP_WATTS"));
  EXPECT_THAT(wrong.out, IsEmpty());
}

TEST(RunService, VerbThatNeedsTheDatabaseNeedsItsSettings) {
  const Outcome outcome = RunVerbOf({"--store"});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.err, HasSubstr("DB_CONNINFO"));
  EXPECT_THAT(outcome.out, IsEmpty());
}

TEST(RunService, VerbsOptionsAreAllThereOnceAndNoOthers) {
  const std::vector<std::pair<std::vector<const char*>, const char*>> refused = {
      {{"--measure", "--room=hall"}, "needs --lamp=..."},
      {{"--measure", "--room=hall", "--lamp="}, "needs --lamp=..."},
      {{"--measure", "--room=hall", "--lamp=a", "--lamp=b"}, "--lamp is there twice"},
      {{"--measure", "--room=hall", "--lamp=a", "--bulb=c"}, "no option --bulb"},
      {{"--measure", "--room=hall", "--lamp"}, "no option --lamp"},
      {{"--light", "room=hall"}, "no option room"},
      {{"--light", "password"}, "no option"}};
  for (const auto& [options, problem] : refused) {
    const Outcome outcome = RunVerbOf(options);
    EXPECT_EQ(outcome.exit_code, 1) << problem;
    EXPECT_THAT(outcome.err, HasSubstr(problem));
    EXPECT_THAT(outcome.out, IsEmpty());
  }
}

TEST(RunService, VerbThatFailsSaysWhyOnStderr) {
  const Outcome outcome = RunVerbOf({"--fail"});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_EQ(outcome.err, "lamp-service --fail: there is no lamp\n");
}

TEST(RunService, EveryWrongSettingIsListedAndNothingIsWired) {
  const Outcome outcome = RunLampService(
      {}, {{"DB_POOL_MAX", "0"}, {"LAMP_WATTS", "500"}, {"LAMP_WATS", "5"}, {"OTHER", "x"}});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.err, HasSubstr("lamp-service"));
  EXPECT_THAT(outcome.err, HasSubstr("DB_CONNINFO"));
  EXPECT_THAT(outcome.err, HasSubstr("DB_POOL_MAX"));
  EXPECT_THAT(outcome.err, HasSubstr("LAMP_WATTS=500"));
  EXPECT_THAT(outcome.err, HasSubstr("LAMP_WATS"));
  EXPECT_THAT(outcome.err, Not(HasSubstr("OTHER")));
  EXPECT_FALSE(outcome.wired);
}

TEST(RunService, ExitCodeIsWhatTheWiringAnswers) {
  const std::vector<const char*> argv = {"lamp-service"};
  Outcome outcome;
  ServiceProgram program = Program(outcome);
  int watts = 0;
  program.wire = [&](ServiceContext& context) {
    EXPECT_FALSE(context.pool().reachable());
    watts = outcome.watts;
    return 7;
  };
  // A server that is not there: what is wired does not wait for it.
  const EnvironmentMap variables = {{"DB_CONNINFO", "host=/nonexistent"}, {"LAMP_WATTS", "75"}};
  EXPECT_EQ(RunService(1, argv.data(), program, variables), 7);
  // The service's own settings are there when it is wired.
  EXPECT_EQ(watts, 75);
}

}  // namespace
}  // namespace scaleout
