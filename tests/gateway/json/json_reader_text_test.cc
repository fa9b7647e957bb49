#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "common/utf8.h"
#include "gateway/http/problem.h"
#include "gateway/json/json_reader.h"
#include "tests/support/malformed_utf8.h"
#include "tests/support/request_fixture.h"

namespace scaleout::gateway {
namespace {

using testing::TestRequest;

struct Escape {
  const char* what;
  const char* text;  // as it stands in the JSON
};

constexpr Escape kMalformedEscapes[] = {
    {"a high surrogate alone", R"(\ud800)"},
    {"the last high surrogate alone", R"(\uDBFF)"},
    {"a high surrogate before a character", R"(\ud800x)"},
    {"a high surrogate before another escape", R"(\ud800\n)"},
    {"a high surrogate before an escape that is no surrogate", R"(\ud800\u0041)"},
    {"two high surrogates", R"(\ud800\ud800)"},
    {"a low surrogate alone", R"(\udc00)"},
    {"the last low surrogate alone", R"(\uDFFF)"},
    {"a low surrogate after a character", R"(x\udc00)"},
    {"a low surrogate after an escaped backslash", R"(\\\udc00)"},
    {"a low surrogate after a pair", R"(\ud83d\ude00\ude00)"},
    {"a low before a high surrogate", R"(\ude00\ud83d)"},
    {"no digit", R"(\u)"},
    {"one digit", R"(\u0)"},
    {"three digits", R"(\u004)"},
    {"three digits of a low surrogate", R"(\ud83d\ude0)"},
    {"a letter that is no hexadecimal digit", R"(\u00g0)"},
    {"a sign", R"(\u+041)"},
    {"an upper-case U", R"(\U0041)"},
    {"\\x", R"(\x41)"},
    {"\\'", R"(\')"},
    {"\\0", R"(\0)"},
    {"a raw NUL", ""},  // put in below
    {"a raw U+0001", "\x01"},
    {"a raw tab", "\t"},
    {"a raw line feed", "\n"},
    {"a raw U+001F", "\x1f"},
};

absl::Status Read(const std::string& json) {
  TestRequest request;
  request.Json(json);
  JsonBody body(request);
  body.root().OptionalString("name", [](std::string_view) { return rpc::v1::Violation(); });
  return body.Check();
}

// In a value and in a member's name, which a refusal would repeat.
void ExpectBadRequest(std::string_view text, std::string_view what) {
  for (const bool in_name : {false, true}) {
    std::string json = in_name ? R"({")" : R"({"name":")";
    json += text;
    json += in_name ? R"(":"x"})" : R"("})";
    const absl::Status status = Read(json);
    EXPECT_EQ(HttpStatusOf(status), 400) << what << (in_name ? " in a name" : " in a value");
    EXPECT_TRUE(FieldViolationsOf(status).empty()) << what;
    EXPECT_TRUE(IsUtf8(RenderProblem(status, "/", "id").body)) << what;
  }
}

TEST(JsonBodyText, RefusesEveryMalformedEscape) {
  for (const auto& [what, text] : kMalformedEscapes) {
    ExpectBadRequest(*text == '\0' ? std::string_view("\0", 1) : std::string_view(text), what);
  }
}

TEST(JsonBodyText, RefusesEveryMalformedByteSequence) {
  for (const auto& [what, bytes] : testing::kMalformedUtf8) ExpectBadRequest(bytes, what);
}

TEST(JsonBodyText, TakesEveryWellFormedEscape) {
  TestRequest request;
  request.Json(R"({"name":"\"\\\/\b\f\n\r\t\u0041\uD83D\uDE00\ud7ff\ue000\\udc00"})");
  JsonBody body(request);
  const auto any = [](std::string_view) { return rpc::v1::Violation(); };
  EXPECT_EQ(body.root().String("name", any),
            "\"\\/\b\f\n\r\tA\xF0\x9F\x98\x80\xED\x9F\xBF\xEE\x80\x80\\udc00");
  EXPECT_TRUE(body.Check().ok());
}

TEST(JsonBodyText, SaysWhereALowSurrogateIsAlone) {
  const absl::Status status = Read(R"({"name":"\udc00"})");
  EXPECT_NE(std::string(status.message()).find("at byte 9"), std::string::npos) << status;
}

TEST(FindJsonText, FindsTheTextOfAMemberOfAWholeObject) {
  EXPECT_EQ(FindJsonText(R"({"a":1,"b":"x\n","c":{"b":"y"}})", "b"), "x\n");
  EXPECT_EQ(FindJsonText(R"({"b":""})", "b"), "");
}

TEST(FindJsonText, FindsNothingInWhatWouldBeRefusedAsABody) {
  for (const char* json : {"", "x", "[]", R"("b")", R"({"b":1})", R"({"b":null})", R"({"a":"b"})",
                           R"({"c":{"b":"x"}})", R"({"b":"x")", R"({"b":"x"} 1)",
                           R"({"b":"\udc00"})", "{\"b\":\"\xff\"}"}) {
    EXPECT_EQ(FindJsonText(json, "b"), std::nullopt) << json;
  }
  const std::string deep(kMaxJsonDepth, '[');
  const std::string end(kMaxJsonDepth, ']');
  EXPECT_EQ(FindJsonText("{\"b\":\"x\",\"c\":" + deep + end + "}", "b"), std::nullopt);
}

}  // namespace
}  // namespace scaleout::gateway
