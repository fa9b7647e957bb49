#include "common/settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_split.h"
#include "common/clock.h"
#include "common/log.h"

namespace scaleout {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

struct Options {
  std::vector<std::string> listen = {"127.0.0.1:80", "unix:/x"};
  std::string id = "this-host";
  std::string target;
  std::string note;
  std::string password = "default-secret";
  std::size_t loops = 2;
  std::int64_t body_bytes = 64 * 1024;
  std::chrono::milliseconds grace{2000};
  Duration wait = 75s;
  double rate = 0.25;
  bool lab = false;
  LogLevel level = LogLevel::kInfo;
};

void DeclareSettings(Settings& settings, Options& options) {
  settings.Group("Texts");
  settings.List("X_LISTEN", options.listen, "addresses");
  settings.HostString("X_ID", options.id, "host name", "unique over replicas");
  settings.Required("X_TARGET", options.target, "a backend");
  settings.String("X_NOTE", options.note, "anything");
  settings.Secret("X_PASSWORD", options.password, "of the role");
  settings.Group("Numbers");
  settings.Int("X_LOOPS", options.loops, 1, 64, "event loops");
  settings.Bytes("X_BODY", options.body_bytes, 1024, 1 << 20, "largest body");
  settings.Milliseconds("X_GRACE", options.grace, 0ms, 1min, "still accepting");
  settings.Milliseconds("X_WAIT", options.wait, 1ms, 1h, "for an answer");
  settings.Double("X_RATE", options.rate, 0, 1, "of failures");
  settings.Switch("X_LAB", options.lab, "dangerous routes");
  settings.OneOf("X_LEVEL", options.level, kLogLevels, "of log lines");
}

std::string ProblemsOf(EnvironmentMap variables, Options& options) {
  Environment env(std::move(variables), {"X_"});
  Settings settings(env);
  DeclareSettings(settings, options);
  return std::string(env.Check().message());
}

TEST(Settings, LeaveTheDefaultsOfWhatIsUnset) {
  Options options;
  EXPECT_EQ(ProblemsOf({{"X_TARGET", "t"}}, options), "");
  EXPECT_THAT(options.listen, ElementsAre("127.0.0.1:80", "unix:/x"));
  EXPECT_EQ(options.id, "this-host");
  EXPECT_EQ(options.password, "default-secret");
  EXPECT_EQ(options.loops, 2u);
  EXPECT_EQ(options.body_bytes, 64 * 1024);
  EXPECT_EQ(options.grace, 2s);
  EXPECT_EQ(options.wait, 75s);
  EXPECT_EQ(options.rate, 0.25);
  EXPECT_FALSE(options.lab);
  EXPECT_EQ(options.level, LogLevel::kInfo);
}

TEST(Settings, FillEveryKindOfFieldFromTheEnvironment) {
  Options options;
  EXPECT_EQ(ProblemsOf({{"X_LISTEN", "a,,b"},
                        {"X_ID", "me"},
                        {"X_TARGET", "t"},
                        {"X_NOTE", "n"},
                        {"X_PASSWORD", "p"},
                        {"X_LOOPS", "64"},
                        {"X_BODY", "1MiB"},
                        {"X_GRACE", "0"},
                        {"X_WAIT", "250ms"},
                        {"X_RATE", "1"},
                        {"X_LAB", "on"},
                        {"X_LEVEL", "error"}},
                       options),
            "");
  EXPECT_THAT(options.listen, ElementsAre("a", "", "b"));
  EXPECT_EQ(options.id, "me");
  EXPECT_EQ(options.target, "t");
  EXPECT_EQ(options.note, "n");
  EXPECT_EQ(options.password, "p");
  EXPECT_EQ(options.loops, 64u);
  EXPECT_EQ(options.body_bytes, 1 << 20);
  EXPECT_EQ(options.grace, 0s);
  EXPECT_EQ(options.wait, 250ms);
  EXPECT_EQ(options.rate, 1);
  EXPECT_TRUE(options.lab);
  EXPECT_EQ(options.level, LogLevel::kError);
}

TEST(Settings, ReportBadValuesMissingOnesAndUnknownNamesTogether) {
  Options options;
  EXPECT_EQ(ProblemsOf({{"X_LOOPS", "0"},
                        {"X_BODY", "2MiB"},
                        {"X_GRACE", "soon"},
                        {"X_RATE", "2"},
                        {"X_LAB", "perhaps"},
                        {"X_LEVEL", "loud"},
                        {"X_LOPS", "1"}},
                       options),
            "X_TARGET: required, but not set\n"
            "X_LOOPS=0: out of range (1 to 64)\n"
            "X_BODY=2MiB: out of range (1KiB to 1MiB)\n"
            "X_GRACE=soon: not a duration such as 250ms, 3s, 2m or 1h (0ms to 1m)\n"
            "X_RATE=2: out of range (0 to 1)\n"
            "X_LAB=perhaps: neither on nor off\n"
            "X_LEVEL=loud: not one of debug, info, warn, error\n"
            "X_LOPS: unknown variable; did you mean X_LOOPS?");
}

TEST(Settings, OneOfKnowsEveryLogLevel) {
  const std::vector<std::pair<std::string, LogLevel>> levels = {{"debug", LogLevel::kDebug},
                                                                {"info", LogLevel::kInfo},
                                                                {"warn", LogLevel::kWarn},
                                                                {"error", LogLevel::kError}};
  for (const auto& [name, level] : levels) {
    Options options;
    EXPECT_EQ(ProblemsOf({{"X_TARGET", "t"}, {"X_LEVEL", name}}, options), "");
    EXPECT_EQ(options.level, level);
  }
  for (const char* text : {"INFO", "warning", "inf"}) {
    Options options;
    options.level = LogLevel::kError;
    EXPECT_THAT(ProblemsOf({{"X_TARGET", "t"}, {"X_LEVEL", text}}, options), HasSubstr(text));
    EXPECT_EQ(options.level, LogLevel::kError);
  }
}

TEST(Settings, AListOfNothingIsEmpty) {
  std::vector<std::string> list;
  Settings settings;
  settings.List("X_LIST", list, "");
  EXPECT_THAT(list, IsEmpty());
  EXPECT_EQ(settings.list()[0].default_value, "");
}

TEST(Settings, DeclaringANameTwiceEndsTheProcessWithAndWithoutAnEnvironment) {
  const auto declare_twice = [](Settings& settings) {
    int field = 1;
    settings.Int("X_A", field, 1, 2, "");
    settings.Int("X_A", field, 1, 2, "");
  };
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  Environment env({}, {});
  Settings loading(env);
  EXPECT_DEATH(declare_twice(loading), "setting X_A: declared twice");
  Settings listing;
  EXPECT_DEATH(declare_twice(listing), "setting X_A: declared twice");
}

TEST(Settings, ARefusedSecretIsNotShown) {
  Environment env({{"X_PASSWORD", "hunter2"}, {"X_NOTE", "open"}, {"X_KEY_FILE", "hunter3"}}, {});
  Settings settings(env);
  std::string password;
  std::string key;
  settings.Secret("X_PASSWORD", password, "");
  settings.Secret("X_KEY", key, "");
  settings.Refuse("X_PASSWORD", "is too short");
  settings.Refuse("X_NOTE", "is too short");
  settings.Refuse("X_ABSENT", "is too short");
  EXPECT_EQ(password, "hunter2");
  EXPECT_EQ(std::string(env.Check().message()),
            "X_KEY_FILE: cannot be read (No such file or directory)\n"
            "X_PASSWORD: is too short\nX_NOTE=open: is too short\nX_ABSENT: is too short");
}

TEST(Settings, ASecretAndItsFileAtOnceAreAProblem) {
  Environment env({{"X_PASSWORD", "hunter2"}, {"X_PASSWORD_FILE", "/nonexistent"}}, {});
  Settings settings(env);
  std::string password;
  settings.Secret("X_PASSWORD", password, "");
  EXPECT_EQ(std::string(env.Check().message()),
            "X_PASSWORD and X_PASSWORD_FILE: only one of them may be set");
}

TEST(Settings, ChecksThatSpanSettingsReachTheEnvironment) {
  Environment env({}, {});
  Settings(env).AddProblem("X_A and X_B do not go together");
  EXPECT_EQ(std::string(env.Check().message()), "X_A and X_B do not go together");
}

TEST(Settings, WithoutAnEnvironmentChangeNothing) {
  Settings settings;
  Options options;
  DeclareSettings(settings, options);
  EXPECT_EQ(options.loops, 2u);
  EXPECT_THAT(options.listen, SizeIs(2));
}

TEST(ListSettings, DescribesEachDeclarationInOrder) {
  const std::vector<Setting> settings = ListSettings(DeclareSettings);
  const auto row = [](const char* group, const char* name, const char* default_value,
                      const char* allowed) {
    return AllOf(Field(&Setting::group, group), Field(&Setting::name, name),
                 Field(&Setting::default_value, default_value), Field(&Setting::allowed, allowed));
  };
  EXPECT_THAT(settings,
              ElementsAre(row("Texts", "X_LISTEN", "127.0.0.1:80,unix:/x", ""),
                          row("Texts", "X_ID", "host name", ""), row("Texts", "X_TARGET", "", ""),
                          row("Texts", "X_NOTE", "", ""),
                          row("Texts", "X_PASSWORD", "", "better as X_PASSWORD_FILE"),
                          row("Numbers", "X_LOOPS", "2", "1 to 64"),
                          row("Numbers", "X_BODY", "64KiB", "1KiB to 1MiB"),
                          row("Numbers", "X_GRACE", "2s", "0ms to 1m"),
                          row("Numbers", "X_WAIT", "75s", "1ms to 1h"),
                          row("Numbers", "X_RATE", "0.25", "0 to 1"),
                          row("Numbers", "X_LAB", "off", "on, off"),
                          row("Numbers", "X_LEVEL", "info", "debug, info, warn, error")));
  EXPECT_TRUE(settings[2].required);
  EXPECT_EQ(settings[5].help, "event loops");
}

TEST(ListSettings, JoinsWhatSeveralFunctionsDeclare) {
  struct More {
    int depth = 3;
  };
  const auto declare_more = [](Settings& settings, More& more) {
    settings.Int("X_DEPTH", more.depth, 0, 9, "of the tree");
  };
  const std::vector<Setting> settings = ListSettings<Options, More>(DeclareSettings, declare_more);
  ASSERT_THAT(settings, SizeIs(13));
  EXPECT_EQ(settings.front().name, "X_LISTEN");
  EXPECT_EQ(settings.back().name, "X_DEPTH");
}

ProgramHelp HelpOf(void (*declare)(Settings&, Options&)) {
  return MakeProgramHelp("Usage: x\n", ListSettings(declare));
}

TEST(ProgramHelp, AlignsNamesDefaultsAndSentencesBelowTheirHeadings) {
  const std::string text = HelpOf(DeclareSettings).text;
  EXPECT_THAT(text, ::testing::StartsWith("Usage: x\n\n"));
  EXPECT_THAT(text, HasSubstr("\nTexts\n"
                              "  X_LISTEN    127.0.0.1:80,unix:/x  addresses\n"
                              "  X_ID        host name             unique over replicas\n"
                              "  X_TARGET    required              a backend\n"
                              "  X_NOTE      none                  anything\n"));
  EXPECT_THAT(text, HasSubstr("\n\nNumbers\n"
                              "  X_LOOPS     2                     event loops (1 to 64)\n"));
  EXPECT_THAT(text, Not(HasSubstr("default-secret")));
}

TEST(ProgramHelp, WrapsLongSentencesWithinItsColumnsAndKeepsBoundsTogether) {
  const auto declare = [](Settings& settings, Options& options) {
    settings.Group("Numbers");
    settings.Int("X_LOOPS", options.loops, 1, 64,
                 "a sentence that is long enough to leave only a few columns of its line for what "
                 "is allowed");
    settings.Int(
        "X_DEPTH", options.loops, 1, 64,
        "a sentence that is so long that it does not fit on the one line that there is for "
        "it and goes on in the next");
  };
  const std::string text = HelpOf(declare).text;
  EXPECT_THAT(text, HasSubstr(" for what is allowed\n              (1 to 64)\n"));
  EXPECT_THAT(
      text, HasSubstr(" that there is for it and goes on\n              in the next (1 to 64)\n"));
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    EXPECT_LE(line.size(), 110u) << line;
  }
}

TEST(ProgramHelp, HasATableForEachHeadingAsMarkdown) {
  EXPECT_THAT(HelpOf(DeclareSettings).markdown,
              AllOf(::testing::StartsWith("### Texts\n\n"
                                          "| variable | default | values | meaning |\n"
                                          "| --- | --- | --- | --- |\n"
                                          "| `X_LISTEN` | 127.0.0.1:80,unix:/x |  | addresses |\n"),
                    HasSubstr("\n\n### Numbers\n\n"
                              "| variable | default | values | meaning |\n"
                              "| --- | --- | --- | --- |\n"
                              "| `X_LOOPS` | 2 | 1 to 64 | event loops |\n")));
}

}  // namespace
}  // namespace scaleout
