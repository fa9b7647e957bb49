#include "gateway/http/request_head.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "gateway/http/problem.h"

namespace scaleout::gateway {
namespace {

using ::testing::Pair;

constexpr std::string_view kHost = "Host: h\r\n";

absl::StatusOr<Framing> Parse(Request& request, std::string_view head) {
  request.head = std::string(head);
  return ParseHead(request);
}

int RefusalOf(std::string_view head) {
  Request request;
  const absl::StatusOr<Framing> framing = Parse(request, head);
  return framing.ok() ? 200 : HttpStatusOf(framing.status());
}

std::string WithHeaders(std::string_view headers) {
  return "GET / HTTP/1.1\r\n" + std::string(kHost) + std::string(headers) + "\r\n";
}

TEST(RequestHead, TakesAnOrdinaryRequestApart) {
  Request request;
  const absl::StatusOr<Framing> framing =
      Parse(request,
            "POST /api/users/%37?page_size=5&q=a+b%21 HTTP/1.1\r\nHost: h\r\nContent-Length: "
            "12\r\nX-A:  v \r\n\r\n");
  ASSERT_TRUE(framing.ok()) << framing.status();
  EXPECT_EQ(request.method, Method::kPost);
  EXPECT_EQ(request.path, "/api/users/7");
  EXPECT_THAT(request.query, ::testing::ElementsAre(Pair("page_size", "5"), Pair("q", "a b!")));
  EXPECT_EQ(request.FindHeader("x-a"), "v");
  EXPECT_EQ(framing->content_length, 12);
  EXPECT_TRUE(framing->keep_alive);
}

TEST(RequestHead, KeepsAliveAsTheVersionAndTheConnectionHeaderSay) {
  Request request;
  EXPECT_FALSE(Parse(request, WithHeaders("Connection: foo, Close\r\n"))->keep_alive);
  Request old;
  EXPECT_FALSE(Parse(old, "GET / HTTP/1.0\r\n\r\n")->keep_alive);
  Request old_but_alive;
  EXPECT_TRUE(Parse(old_but_alive, "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")->keep_alive);
}

TEST(RequestHead, CloseWinsOverKeepAlive) {
  for (const char* value : {"close, keep-alive", "keep-alive, close"}) {
    Request request;
    EXPECT_FALSE(
        Parse(request, WithHeaders(std::string("Connection: ") + value + "\r\n"))->keep_alive)
        << value;
  }
  Request old;
  EXPECT_FALSE(Parse(old, "GET / HTTP/1.0\r\nConnection: close, keep-alive\r\n\r\n")->keep_alive);
}

TEST(RequestHead, StripsOnlyBlanksAndTabsAroundAValue) {
  Request request;
  ASSERT_TRUE(Parse(request, WithHeaders("X-A: \t v w\t \r\nX-B: \t\r\n")).ok());
  EXPECT_EQ(request.FindHeader("X-A"), "v w");
  EXPECT_EQ(request.FindHeader("X-B"), "");
  for (const char* value : {"\vv", "v\f", "v \v", "\f"}) {
    EXPECT_EQ(RefusalOf(WithHeaders(std::string("X-A: ") + value + "\r\n")), 400);
  }
}

TEST(RequestHead, AnAbsoluteFormWithoutAPathMeansTheRoot) {
  Request request;
  ASSERT_TRUE(Parse(request, "GET http://h?x=/api/users HTTP/1.1\r\nHost: h\r\n\r\n").ok());
  EXPECT_EQ(request.raw_path, "/");
  EXPECT_EQ(request.path, "/");
  EXPECT_THAT(request.query, ::testing::ElementsAre(Pair("x", "/api/users")));
  EXPECT_EQ(RefusalOf("GET http:///api/users HTTP/1.1\r\nHost: h\r\n\r\n"), 400);
  EXPECT_EQ(RefusalOf("GET http://?x HTTP/1.1\r\nHost: h\r\n\r\n"), 400);
  EXPECT_EQ(RefusalOf("GET ?x HTTP/1.1\r\nHost: h\r\n\r\n"), 400);
}

TEST(RequestHead, TakesTheAbsoluteForm) {
  Request request;
  ASSERT_TRUE(Parse(request, "GET http://h/a?b=c HTTP/1.1\r\nHost: h\r\n\r\n").ok());
  EXPECT_EQ(request.path, "/a");
  Request bare;
  ASSERT_TRUE(Parse(bare, "GET http://h HTTP/1.1\r\nHost: h\r\n\r\n").ok());
  EXPECT_EQ(bare.path, "/");
}

struct Refusal {
  const char* why;
  std::string head;
  int status;
};

class RequestHeadRefuses : public ::testing::TestWithParam<Refusal> {};

TEST_P(RequestHeadRefuses, WithItsStatus) {
  EXPECT_EQ(RefusalOf(GetParam().head), GetParam().status);
}

INSTANTIATE_TEST_SUITE_P(
    Framing, RequestHeadRefuses,
    ::testing::Values(
        Refusal{"TransferEncoding", WithHeaders("Transfer-Encoding: chunked\r\n"), 411},
        Refusal{"BothFramings", WithHeaders("Transfer-Encoding: chunked\r\nContent-Length: 3\r\n"),
                400},
        Refusal{"TwoLengths", WithHeaders("Content-Length: 3\r\nContent-Length: 3\r\n"), 400},
        Refusal{"SignedLength", WithHeaders("Content-Length: +3\r\n"), 400},
        Refusal{"ListLength", WithHeaders("Content-Length: 3, 3\r\n"), 400},
        Refusal{"EmptyLength", WithHeaders("Content-Length:\r\n"), 400},
        Refusal{"HugeLength", WithHeaders("Content-Length: 99999999999999999999\r\n"), 413},
        Refusal{"TwoHosts", WithHeaders("Host: other\r\n"), 400},
        Refusal{"NoHost", "GET / HTTP/1.1\r\n\r\n", 400},
        Refusal{"BlankBeforeColon", WithHeaders("Content-Length : 3\r\n"), 400},
        Refusal{"FoldedLine", WithHeaders("A: b\r\n c\r\n"), 400},
        Refusal{"NoColon", WithHeaders("nonsense\r\n"), 400},
        Refusal{"ControlInValue", WithHeaders("A: b\x01\r\n"), 400},
        Refusal{"BareReturn", WithHeaders("A: b\rc\r\n"), 400},
        Refusal{"BareLineFeed", "GET / HTTP/1.1\nHost: h\r\n\r\n", 400},
        Refusal{"OtherExpectation", WithHeaders("Expect: a-pony\r\n"), 417}),
    [](const auto& test) { return test.param.why; });

INSTANTIATE_TEST_SUITE_P(
    RequestLine, RequestHeadRefuses,
    ::testing::Values(Refusal{"TwoBlanks", "GET  / HTTP/1.1\r\nHost: h\r\n\r\n", 400},
                      Refusal{"NoVersion", "GET /\r\nHost: h\r\n\r\n", 400},
                      Refusal{"BadVersion", "GET / HTTP/x.1\r\nHost: h\r\n\r\n", 400},
                      Refusal{"OtherVersion", "GET / HTTP/2.0\r\nHost: h\r\n\r\n", 505},
                      Refusal{"NoSlash", "GET a HTTP/1.1\r\nHost: h\r\n\r\n", 400},
                      Refusal{"MethodWithColon", "GE:T / HTTP/1.1\r\nHost: h\r\n\r\n", 400},
                      Refusal{"RawNonAscii", "GET /\xC3\xA4 HTTP/1.1\r\nHost: h\r\n\r\n", 400},
                      Refusal{"Fragment", "GET /a#b HTTP/1.1\r\nHost: h\r\n\r\n", 400},
                      Refusal{"HalfAnEscape", "GET /%4 HTTP/1.1\r\nHost: h\r\n\r\n", 400},
                      Refusal{"BadEscape", "GET /%zz HTTP/1.1\r\nHost: h\r\n\r\n", 400},
                      Refusal{"EscapedNul", "GET /%00 HTTP/1.1\r\nHost: h\r\n\r\n", 400},
                      Refusal{"EscapedInvalidUtf8", "GET /%C3%28 HTTP/1.1\r\nHost: h\r\n\r\n", 400},
                      Refusal{"BadQueryEscape", "GET /?a=%g0 HTTP/1.1\r\nHost: h\r\n\r\n", 400}),
    [](const auto& test) { return test.param.why; });

TEST(RequestHead, HasALimitOfHeaders) {
  std::string headers;
  for (std::size_t i = 0; i < kMaxRequestHeaders; ++i) headers += "A: b\r\n";
  EXPECT_EQ(RefusalOf(WithHeaders(headers)), 431);
}

TEST(RequestHead, HasALimitOfQueryParameters) {
  std::string target = "/?a=0";
  for (std::size_t i = 1; i < kMaxQueryParameters; ++i) target += "&a=1";
  EXPECT_EQ(RefusalOf("GET " + target + " HTTP/1.1\r\nHost: h\r\n\r\n"), 200);
  EXPECT_EQ(RefusalOf("GET " + target + "&a HTTP/1.1\r\nHost: h\r\n\r\n"), 400);
}

TEST(RequestHead, KnowsJunkBeforeItsEnd) {
  EXPECT_TRUE(CanBecomeHead(""));
  EXPECT_TRUE(CanBecomeHead("GET / HT"));
  EXPECT_TRUE(CanBecomeHead("GET / HTTP/1.1\r"));
  EXPECT_FALSE(CanBecomeHead("GET / HTTP/1.1\nHost"));
  EXPECT_FALSE(CanBecomeHead("\x16\x03\x01"));
  EXPECT_FALSE(CanBecomeHead(std::string_view("GET\0 /", 6)));
  EXPECT_FALSE(CanBecomeHead(" GET"));
}

TEST(RequestHead, LooksOnlyAtWhatIsNewForJunk) {
  EXPECT_TRUE(CanBecomeHead("GET \n HTTP", 6)) << "what an earlier call has seen costs nothing";
  EXPECT_FALSE(CanBecomeHead("GET \n HTTP", 4));
  EXPECT_FALSE(CanBecomeHead("GET / HTTP/1.1\rX", 15)) << "CR at the end of what was seen";
  EXPECT_TRUE(CanBecomeHead("GET / HTTP/1.1\r\n", 15));
}

}  // namespace
}  // namespace scaleout::gateway
