#include "common/env.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <cstdio>
#include <fstream>

#include "common/str_cat.h"

namespace scaleout {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using ::testing::HasSubstr;
using ::testing::Pair;

class EnvironmentTest : public ::testing::Test {
 protected:
  // What Check() says; "" for OK.
  static std::string Problems(const Environment& env) {
    const absl::Status status = env.Check();
    EXPECT_TRUE(status.ok() || status.code() == absl::StatusCode::kInvalidArgument);
    return std::string(status.message());
  }

  std::string WriteFile(std::string_view content) {
    const std::string path =
        StrCat(::testing::TempDir(), "env_test_",
               ::testing::UnitTest::GetInstance()->current_test_info()->name());
    std::ofstream(path, std::ios::binary) << content;
    files_.push_back(path);
    return path;
  }

  void TearDown() override {
    for (const std::string& path : files_) std::remove(path.c_str());
  }

 private:
  std::vector<std::string> files_;
};

TEST_F(EnvironmentTest, GivesDefaultsForWhatIsUnset) {
  Environment env({}, {"X_"});
  EXPECT_EQ(env.String("X_S", "default"), "default");
  EXPECT_EQ(env.Int("X_I", 7, 1, 10), 7);
  EXPECT_EQ(env.Double("X_D", 0.5, 0, 1), 0.5);
  EXPECT_TRUE(env.Switch("X_B", true));
  EXPECT_EQ(env.Milliseconds("X_M", seconds(3), seconds(1), seconds(10)), seconds(3));
  EXPECT_EQ(env.Bytes("X_Y", 64, 1, 128), 64);
  EXPECT_EQ(env.OneOf("X_O", "a", {"a", "b"}), "a");
  EXPECT_EQ(Problems(env), "");
}

TEST_F(EnvironmentTest, TreatsEmptyAsUnset) {
  Environment env({{"X_I", ""}, {"X_UNKNOWN", ""}, {"X_R", ""}}, {"X_"});
  EXPECT_EQ(env.Int("X_I", 7, 1, 10), 7);
  EXPECT_EQ(env.Required("X_R"), "");
  EXPECT_EQ(Problems(env), "X_R: required, but not set");
}

TEST_F(EnvironmentTest, ReadsWhatIsSet) {
  Environment env({{"S", "text"}, {"R", "given"}, {"I", "-3"}, {"D", "0.25"}, {"O", "b"}}, {});
  EXPECT_EQ(env.String("S", ""), "text");
  EXPECT_EQ(env.Required("R"), "given");
  EXPECT_EQ(env.Int("I", 0, -5, 5), -3);
  EXPECT_EQ(env.Double("D", 0, 0, 1), 0.25);
  EXPECT_EQ(env.OneOf("O", "a", {"a", "b"}), "b");
  EXPECT_EQ(Problems(env), "");
}

TEST_F(EnvironmentTest, IntTakesTheBoundsAndNothingBeyond) {
  Environment env({{"LOW", "1"}, {"HIGH", "64"}, {"UNDER", "0"}, {"OVER", "65"}}, {});
  EXPECT_EQ(env.Int("LOW", 7, 1, 64), 1);
  EXPECT_EQ(env.Int("HIGH", 7, 1, 64), 64);
  EXPECT_EQ(env.Int("UNDER", 7, 1, 64), 7);
  EXPECT_EQ(env.Int("OVER", 7, 1, 64), 7);
  EXPECT_EQ(Problems(env),
            "UNDER=0: out of range (1 to 64)\n"
            "OVER=65: out of range (1 to 64)");
}

TEST_F(EnvironmentTest, IntRefusesWhatIsNoWholeNumber) {
  for (const char* text : {"abc", "1x", " 1", "1 ", "+1", "1.0", "0x10", "99999999999999999999"}) {
    Environment env({{"GATEWAY_LOOPS", text}}, {});
    EXPECT_EQ(env.Int("GATEWAY_LOOPS", 2, 1, 64), 2);
    EXPECT_EQ(Problems(env), StrCat("GATEWAY_LOOPS=", text, ": not a whole number (1 to 64)"));
  }
}

TEST_F(EnvironmentTest, DoubleRefusesWhatIsNoNumberOrOutOfRange) {
  Environment env({{"A", "half"}, {"B", "nan"}, {"C", "1.5"}, {"D", "inf"}}, {});
  EXPECT_EQ(env.Double("A", 0.5, 0, 1), 0.5);
  EXPECT_EQ(env.Double("B", 0.5, 0, 1), 0.5);
  EXPECT_EQ(env.Double("C", 0.5, 0, 1), 0.5);
  EXPECT_EQ(env.Double("D", 0.5, 0, 1), 0.5);
  EXPECT_EQ(Problems(env),
            "A=half: not a number (0 to 1)\n"
            "B=nan: not a number (0 to 1)\n"
            "C=1.5: out of range (0 to 1)\n"
            "D=inf: out of range (0 to 1)");
}

TEST_F(EnvironmentTest, SwitchKnowsItsWords) {
  for (const char* text : {"on", "true", "1"}) {
    EXPECT_TRUE(Environment({{"B", text}}, {}).Switch("B", false));
  }
  for (const char* text : {"off", "false", "0"}) {
    EXPECT_FALSE(Environment({{"B", text}}, {}).Switch("B", true));
  }
  Environment env({{"B", "yes"}}, {});
  EXPECT_TRUE(env.Switch("B", true));
  EXPECT_EQ(Problems(env), "B=yes: neither on nor off");
}

TEST_F(EnvironmentTest, MillisecondsReadsEveryUnit) {
  Environment env({{"A", "250ms"}, {"B", "3s"}, {"C", "2m"}, {"D", "1h"}, {"E", "0"}}, {});
  const auto read = [&env](const char* name) {
    return env.Milliseconds(name, seconds(9), milliseconds(0), std::chrono::hours(2));
  };
  EXPECT_EQ(read("A"), milliseconds(250));
  EXPECT_EQ(read("B"), seconds(3));
  EXPECT_EQ(read("C"), minutes(2));
  EXPECT_EQ(read("D"), std::chrono::hours(1));
  EXPECT_EQ(read("E"), milliseconds(0));
  EXPECT_EQ(Problems(env), "");
}

TEST_F(EnvironmentTest, MillisecondsRefusesMissingUnitsJunkAndWhatIsOutOfRange) {
  for (const char* text : {"5", "5d", "s", "-5s", "5 s", "5s ", "1.5s", "9223372036854775807h"}) {
    Environment env({{"T", text}}, {});
    EXPECT_EQ(env.Milliseconds("T", seconds(1), milliseconds(10), minutes(1)), seconds(1));
    EXPECT_EQ(Problems(env),
              StrCat("T=", text, ": not a duration such as 250ms, 3s, 2m or 1h (10ms to 1m)"));
  }
  Environment env({{"T", "1500ms"}}, {});
  EXPECT_EQ(env.Milliseconds("T", seconds(2), milliseconds(0), milliseconds(1499)), seconds(2));
  EXPECT_EQ(Problems(env), "T=1500ms: out of range (0ms to 1499ms)");
}

TEST_F(EnvironmentTest, BytesReadsEveryUnit) {
  Environment env({{"A", "65536"}, {"B", "64KiB"}, {"C", "2MiB"}, {"D", "1GiB"}}, {});
  const auto read = [&env](const char* name) { return env.Bytes(name, 1, 0, 1LL << 40); };
  EXPECT_EQ(read("A"), 65536);
  EXPECT_EQ(read("B"), 65536);
  EXPECT_EQ(read("C"), 2 << 20);
  EXPECT_EQ(read("D"), 1 << 30);
  EXPECT_EQ(Problems(env), "");
}

TEST_F(EnvironmentTest, BytesRefusesJunkAndWhatIsOutOfRange) {
  Environment env({{"A", "64KB"}, {"B", "2MiB"}, {"C", "-1"}}, {});
  EXPECT_EQ(env.Bytes("A", 5, 1, 1 << 20), 5);
  EXPECT_EQ(env.Bytes("B", 5, 1, 1 << 20), 5);
  EXPECT_EQ(env.Bytes("C", 5, 1, 1 << 20), 5);
  EXPECT_EQ(Problems(env),
            "A=64KB: not a size such as 65536, 64KiB or 1MiB (1 to 1MiB)\n"
            "B=2MiB: out of range (1 to 1MiB)\n"
            "C=-1: not a size such as 65536, 64KiB or 1MiB (1 to 1MiB)");
}

TEST_F(EnvironmentTest, OneOfListsTheChoices) {
  Environment env({{"O", "c"}}, {});
  EXPECT_EQ(env.OneOf("O", "a", {"a", "b"}), "a");
  EXPECT_EQ(Problems(env), "O=c: not one of a, b");
}

TEST_F(EnvironmentTest, ListsEveryProblemAtOnceAndEachOnce) {
  Environment env({{"X_A", "?"}, {"X_C", "1"}}, {"X_"});
  env.Int("X_A", 1, 1, 2);
  env.Int("X_A", 1, 1, 2);
  env.Required("X_B");
  env.AddProblem("X_A and X_B do not go together");
  EXPECT_EQ(Problems(env),
            "X_A=?: not a whole number (1 to 2)\n"
            "X_B: required, but not set\n"
            "X_A and X_B do not go together\n"
            "X_C: unknown variable; did you mean X_A?");
}

TEST_F(EnvironmentTest, NamesTheNearestVariableForAnUnknownOne) {
  Environment env({{"GATEWAY_LOPS", "1"}, {"GATEWAY_LISTNE", "x"}, {"OTHER_LOPS", "1"}},
                  {"GATEWAY_", "LAB_"});
  env.Int("GATEWAY_LOOPS", 1, 1, 64);
  env.String("GATEWAY_LISTEN", "");
  env.Switch("LAB_ENDPOINTS", false);
  EXPECT_EQ(Problems(env),
            "GATEWAY_LISTNE: unknown variable; did you mean GATEWAY_LISTEN?\n"
            "GATEWAY_LOPS: unknown variable; did you mean GATEWAY_LOOPS?");
}

TEST_F(EnvironmentTest, NearestCountsLettersLeftOutAddedAndReplaced) {
  const auto suggestion = [](const char* unknown) {
    Environment env({{unknown, "1"}}, {"X_"});
    for (const char* known :
         {"X_BODY_TIMEOUT", "X_HEAD", "X_HEAD_TIMEOUT", "X_LISTEN", "X_LOOPS"}) {
      env.String(known, "");
    }
    return Problems(env);
  };
  EXPECT_THAT(suggestion("X_HED_TIMEUT"), HasSubstr("did you mean X_HEAD_TIMEOUT?"));
  EXPECT_THAT(suggestion("X_HEADER_TIMEOUTS"), HasSubstr("did you mean X_HEAD_TIMEOUT?"));
  EXPECT_THAT(suggestion("X_BADY_TIMEOUT"), HasSubstr("did you mean X_BODY_TIMEOUT?"));
  EXPECT_THAT(suggestion("X_LISTENS"), HasSubstr("did you mean X_LISTEN?"));
  EXPECT_THAT(suggestion("X_LOOPZZ"), HasSubstr("did you mean X_LOOPS?"));
}

TEST_F(EnvironmentTest, SuggestsNothingWhereNothingIsKnown) {
  EXPECT_EQ(Problems(Environment({{"X_A", "1"}}, {"X_"})), "X_A: unknown variable");
}

TEST_F(EnvironmentTest, NamesTheNearestFileVariableForAnUnknownOne) {
  Environment env({{"DB_PASWORD_FILE", "/x"}}, {"DB_"});
  env.String("DB_PASSWORD", "");
  EXPECT_EQ(Problems(env), "DB_PASWORD_FILE: unknown variable; did you mean DB_PASSWORD_FILE?");
}

TEST_F(EnvironmentTest, TakesAValueFromAFileWithoutItsLastNewline) {
  Environment env({{"DB_PASSWORD_FILE", WriteFile("se\ncret\n\n")}}, {"DB_"});
  EXPECT_EQ(env.Required("DB_PASSWORD"), "se\ncret\n");
  EXPECT_EQ(env.Required("DB_PASSWORD"), "se\ncret\n");
  EXPECT_EQ(Problems(env), "");
}

TEST_F(EnvironmentTest, RefusesAValueAndItsFileAtOnce) {
  Environment env({{"P", "direct"}, {"P_FILE", WriteFile("file")}}, {});
  EXPECT_EQ(env.String("P", ""), "direct");
  EXPECT_EQ(Problems(env), "P and P_FILE: only one of them may be set");
}

TEST_F(EnvironmentTest, SaysWhyAFileCannotBeRead) {
  Environment env({{"A_FILE", "/nowhere/at/all"}, {"B_FILE", "/"}}, {});
  EXPECT_EQ(env.Required("A"), "");
  EXPECT_EQ(env.String("B", "default"), "default");
  EXPECT_EQ(Problems(env),
            "A_FILE=/nowhere/at/all: cannot be read (No such file or directory)\n"
            "B_FILE=/: cannot be read (Is a directory)");
}

TEST_F(EnvironmentTest, RefusesAnEmptyFile) {
  const std::string path = WriteFile("\n");
  Environment env({{"P_FILE", path}}, {});
  EXPECT_EQ(env.Required("P"), "");
  EXPECT_EQ(Problems(env), StrCat("P_FILE=", path, ": is empty"));
}

TEST_F(EnvironmentTest, RefusesAFileThatCannotBeAValue) {
  const std::string path = WriteFile(std::string(64 * 1024 + 1, 'x'));
  Environment env({{"P_FILE", path}}, {});
  EXPECT_EQ(env.String("P", "default"), "default");
  EXPECT_EQ(Problems(env), StrCat("P_FILE=", path, ": holds more than 64 KiB"));
}

TEST_F(EnvironmentTest, NeverShowsWhatAFileHolds) {
  Environment env({{"X_LOOPS_FILE", WriteFile("hunter2")}}, {});
  env.Int("X_LOOPS", 1, 1, 2);
  EXPECT_EQ(Problems(env), "X_LOOPS (from X_LOOPS_FILE): not a whole number (1 to 2)");
}

TEST(ProcessEnvironment, HoldsThisProcessesVariables) {
  ASSERT_EQ(setenv("SCALEOUT_ENV_TEST", "a=b", 1), 0);
  EXPECT_THAT(ProcessEnvironment(), ::testing::Contains(Pair("SCALEOUT_ENV_TEST", "a=b")));
  unsetenv("SCALEOUT_ENV_TEST");
  EXPECT_FALSE(ProcessEnvironment().contains("SCALEOUT_ENV_TEST"));
}

}  // namespace
}  // namespace scaleout
