#include "gateway/auth/token_verifier.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "common/status.h"
#include "gateway/auth/auth_refusal.h"
#include "gateway/auth/base64url.h"
#include "tests/support/fake_clock.h"
#include "tests/support/token_signer.h"

namespace scaleout::gateway {
namespace {

using testing::TokenClaims;
using testing::TokenSigner;

class TokenVerifierTest : public ::testing::Test {
 protected:
  absl::Status Refusal(std::string_view token) const {
    const absl::StatusOr<VerifiedToken> verified = verifier.Verify(token);
    return verified.status();
  }
  // Of a token that differs from a valid one in its claims.
  absl::Status WithClaims(const std::function<void(TokenClaims&)>& change) const {
    TokenClaims claims(clock.WallNow());
    change(claims);
    return Refusal(signer.Sign(claims));
  }
  absl::Status WithHeader(std::string_view header) const {
    return Refusal(signer.Sign(header, TokenClaims(clock.WallNow()).ToJson()));
  }
  // With `claims` as text; "@iat" and "@exp" are valid times.
  absl::Status WithJson(std::string claims) const {
    const TokenClaims valid(clock.WallNow());
    for (const auto& [name, value] : {std::pair("@iat", valid.iat), std::pair("@exp", valid.exp)}) {
      const std::size_t at = claims.find(name);
      if (at != std::string::npos) claims.replace(at, 4, std::to_string(value));
    }
    return Refusal(signer.Sign(signer.Header(), claims));
  }
  std::int64_t now() const { return TokenClaims(clock.WallNow()).iat; }

  testing::FakeClock clock;
  TokenSigner signer;
  TokenSigner old_signer;
  TokenVerifier verifier{*TokenKeys::Parse(old_signer.PublicPem() + signer.PublicPem()), "scaleout",
                         "scaleout-api", clock};
};

TEST_F(TokenVerifierTest, SaysWhatAValidTokenSays) {
  TokenClaims claims(clock.WallNow());
  const absl::StatusOr<VerifiedToken> customer = verifier.Verify(signer.Sign(claims));
  ASSERT_TRUE(customer.ok()) << customer.status();
  EXPECT_EQ(customer->principal, (Principal{7, Role::kCustomer, false}));
  EXPECT_EQ(customer->session_id, claims.sid);
  EXPECT_EQ(customer->expires, WallTime(std::chrono::seconds(claims.exp)) + kTokenLeeway);
  claims.role = "admin";
  claims.sub = "9007199254740991";
  const absl::StatusOr<VerifiedToken> admin = verifier.Verify(signer.Sign(claims));
  ASSERT_TRUE(admin.ok()) << admin.status();
  EXPECT_EQ(admin->principal, (Principal{9007199254740991, Role::kAdmin, false}));
}

TEST_F(TokenVerifierTest, TakesTheTokensOfEachKey) {
  EXPECT_EQ(Refusal(old_signer.Sign(TokenClaims(clock.WallNow()))), absl::OkStatus());
  EXPECT_EQ(Refusal(TokenSigner().Sign(TokenClaims(clock.WallNow()))), InvalidToken());
}

TEST_F(TokenVerifierTest, RefusesATokenThatNamesAnotherOfTheKeys) {
  EXPECT_EQ(WithHeader(old_signer.Header()), InvalidToken());
}

TEST_F(TokenVerifierTest, TakesNoHeaderButExactlyOurs) {
  const std::string kid = signer.Kid();
  ASSERT_EQ(WithHeader(signer.Header()), absl::OkStatus());
  ASSERT_EQ(WithHeader(R"({"kid":")" + kid + R"(", "typ":"JWT","alg":"ES256"})"), absl::OkStatus());
  const std::vector<std::string> headers = {
      R"({"alg":"none","typ":"JWT","kid":"@"})",
      R"({"alg":"None","typ":"JWT","kid":"@"})",
      R"({"alg":"es256","typ":"JWT","kid":"@"})",
      R"({"alg":"ES256K","typ":"JWT","kid":"@"})",
      R"({"alg":"ES256\u0000","typ":"JWT","kid":"@"})",
      R"({"alg":"HS256","typ":"JWT","kid":"@"})",
      R"({"alg":"RS256","typ":"JWT","kid":"@"})",
      R"({"alg":["ES256"],"typ":"JWT","kid":"@"})",
      R"({"alg":null,"typ":"JWT","kid":"@"})",
      R"({"typ":"JWT","kid":"@"})",
      R"({"alg":"ES256","kid":"@"})",
      R"({"alg":"ES256","typ":"jwt","kid":"@"})",
      R"({"alg":"ES256","typ":"JWE","kid":"@"})",
      R"({"alg":"ES256","typ":"JWT"})",
      R"({"alg":"ES256","typ":"JWT","kid":""})",
      R"({"alg":"ES256","typ":"JWT","kid":"unknown"})",
      R"({"alg":"ES256","typ":"JWT","kid":1})",
      R"({"alg":"ES256","typ":"JWT","kid":"@","crit":["b64"]})",
      R"({"alg":"ES256","typ":"JWT","kid":"@","b64":false})",
      R"({"alg":"ES256","typ":"JWT","kid":"@","jku":"https://example.com/keys"})",
      R"({"alg":"ES256","typ":"JWT","kid":"@","kid":"@"})",
      R"({"alg":"none","alg":"ES256","typ":"JWT","kid":"@"})",
      R"({"alg":"ES256","typ":"JWT","kid":"@"}{})",
      R"({"alg":"ES256","typ":"JWT","kid":"@",})",
      R"(["alg","ES256"])",
      R"("ES256")",
      "",
  };
  for (std::string header : headers) {
    for (std::size_t at = header.find('@'); at != std::string::npos; at = header.find('@')) {
      header.replace(at, 1, kid);
    }
    EXPECT_EQ(WithHeader(header), InvalidToken()) << header;
  }
  EXPECT_EQ(WithHeader(signer.Header() + std::string(1, '\0')), InvalidToken());
  EXPECT_EQ(WithHeader("\xff" + signer.Header()), InvalidToken());
}

TEST_F(TokenVerifierTest, TakesNoTokenThatThePublicKeySignedAsASecret) {
  const std::string secret = signer.PublicPem();
  const std::string text =
      EncodeBase64Url(R"({"alg":"HS256","typ":"JWT","kid":")" + signer.Kid() + "\"}") + "." +
      EncodeBase64Url(TokenClaims(clock.WallNow()).ToJson());
  unsigned char mac[32];
  unsigned int size = 0;
  ASSERT_NE(HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
                 reinterpret_cast<const unsigned char*>(text.data()), text.size(), mac, &size),
            nullptr);
  const std::string_view bytes(reinterpret_cast<const char*>(mac), size);
  EXPECT_EQ(Refusal(text + "." + EncodeBase64Url(bytes)), InvalidToken());
}

TEST_F(TokenVerifierTest, TakesNoTokenWithoutASignature) {
  const std::string claims = EncodeBase64Url(TokenClaims(clock.WallNow()).ToJson());
  for (const std::string& header :
       {std::string(R"({"alg":"none"})"), std::string(R"({"alg":"none","typ":"JWT"})"),
        signer.Header()}) {
    EXPECT_EQ(Refusal(EncodeBase64Url(header) + "." + claims + "."), InvalidToken()) << header;
    EXPECT_EQ(Refusal(EncodeBase64Url(header) + "." + claims), InvalidToken()) << header;
  }
}

TEST_F(TokenVerifierTest, TakesOnlyClaimsOfOurTypes) {
  constexpr std::string_view kRest =
      R"("sid":"0123456789abcdef0123456789abcdef","role":"customer","iat":@iat,"exp":@exp})";
  const auto with = [kRest](std::string_view first) {
    return std::string(first) + std::string(kRest);
  };
  ASSERT_EQ(WithJson(with(R"({"iss":"scaleout","aud":"scaleout-api","sub":"7","new":[],)")),
            absl::OkStatus());
  for (const char* first : {
           R"({"aud":"scaleout-api","sub":"7",)",
           R"({"iss":"scaleout","sub":"7",)",
           R"({"iss":"scaleout","aud":"scaleout-api",)",
           R"({"iss":"other","aud":"scaleout-api","sub":"7",)",
           R"({"iss":"scaleout","aud":"other","sub":"7",)",
           R"({"iss":"scaleout","aud":["scaleout-api"],"sub":"7",)",
           R"({"iss":["scaleout"],"aud":"scaleout-api","sub":"7",)",
           R"({"iss":"scaleout\u0000","aud":"scaleout-api","sub":"7",)",
           R"({"iss":"scaleout","aud":"scaleout-api","sub":7,)",
           R"({"iss":"scaleout","aud":"scaleout-api","sub":null,)",
           R"({"iss":"scaleout","aud":"scaleout-api","sub":"7","sub":"8",)",
           R"({"iss":"scaleout","aud":"scaleout-api","sub":"7","role":"admin",)",
           R"({"iss":"scaleout","aud":"scaleout-api","sub":"7","nbf":"0",)",
           R"({"iss":"scaleout","aud":"scaleout-api","sub":"7","nbf":9223372037,)",
           R"({"iss":"scaleout","aud":"scaleout-api","sub":"7","nbf":9000000000,)",
       }) {
    EXPECT_EQ(WithJson(with(first)), InvalidToken()) << first;
  }
  EXPECT_EQ(WithJson("[]"), InvalidToken());
  EXPECT_EQ(WithJson(""), InvalidToken());
  EXPECT_EQ(WithJson(std::string(1000, '[')), InvalidToken());
}

TEST_F(TokenVerifierTest, TakesOneFormOfEachClaim) {
  for (const char* sub : {"", "0", "-7", "+7", "07", " 7", "7 ", "7.0", "7e0", "0x7", "seven",
                          "9223372036854775808"}) {
    EXPECT_EQ(WithClaims([sub](TokenClaims& claims) { claims.sub = sub; }), InvalidToken()) << sub;
  }
  for (const char* sid :
       {"", "0123456789abcdef0123456789abcde", "0123456789ABCDEF0123456789abcdef",
        "0123456789abcdef0123456789abcdeg", "0123456789abcdef0123456789abcdef0"}) {
    EXPECT_EQ(WithClaims([sid](TokenClaims& claims) { claims.sid = sid; }), InvalidToken()) << sid;
  }
  for (const char* role : {"", "Admin", "root", "none", "ROLE_ADMIN"}) {
    EXPECT_EQ(WithClaims([role](TokenClaims& claims) { claims.role = role; }), InvalidToken())
        << role;
  }
}

TEST_F(TokenVerifierTest, TakesTimesThatAreWholeNumbers) {
  constexpr std::string_view kFirst = R"({"iss":"scaleout","aud":"scaleout-api","sub":"7",)"
                                      R"("sid":"0123456789abcdef0123456789abcdef",)"
                                      R"("role":"customer",)";
  const auto with = [kFirst](std::string_view times) {
    return std::string(kFirst) + std::string(times) + "}";
  };
  ASSERT_EQ(WithJson(with(R"("iat":@iat,"exp":@exp)")), absl::OkStatus());
  for (const char* times :
       {R"("iat":@iat)", R"("exp":@exp)", R"("iat":@iat,"exp":"@exp")",
        R"("iat":@iat,"exp":@exp.0)", R"("iat":@iat,"exp":1e30)", R"("iat":@iat,"exp":null)",
        R"("iat":true,"exp":@exp)", R"("iat":-1,"exp":@exp)",
        R"("iat":@iat,"exp":9223372036854775807)", R"("iat":@iat,"exp":18446744073709551615)"}) {
    EXPECT_EQ(WithJson(with(times)), InvalidToken()) << times;
  }
}

TEST_F(TokenVerifierTest, SaysThatATokenOfOursHasExpired) {
  const std::int64_t leeway = kTokenLeeway.count();
  const auto expiring = [this](std::int64_t exp) {
    return WithClaims([exp](TokenClaims& claims) {
      claims.iat = exp - 60;
      claims.exp = exp;
    });
  };
  EXPECT_EQ(expiring(now() + 1), absl::OkStatus());
  EXPECT_EQ(expiring(now() - leeway + 1), absl::OkStatus());
  EXPECT_EQ(expiring(now() - leeway), ExpiredToken());
  EXPECT_EQ(expiring(now() - 100'000), ExpiredToken());
}

TEST_F(TokenVerifierTest, TakesNoTokenOfTheFutureOrForTooLong) {
  const std::int64_t leeway = kTokenLeeway.count();
  const auto issued = [this](std::int64_t iat, std::int64_t lifetime) {
    return WithClaims([&](TokenClaims& claims) {
      claims.iat = iat;
      claims.exp = iat + lifetime;
    });
  };
  EXPECT_EQ(issued(now() + leeway, 60), absl::OkStatus());
  EXPECT_EQ(issued(now() + leeway + 1, 60), InvalidToken());
  EXPECT_EQ(issued(now(), 900), absl::OkStatus());
  EXPECT_EQ(issued(now(), 901), InvalidToken());
}

TEST_F(TokenVerifierTest, TakesNoOtherWayToWriteAToken) {
  const std::string token = signer.Sign(TokenClaims(clock.WallNow()));
  ASSERT_EQ(Refusal(token), absl::OkStatus());
  for (const std::string& other :
       {token + "=", token + ".", "." + token, token + ".x", " " + token, token + "\n",
        token.substr(0, token.size() - 1), token.substr(token.find('.') + 1), std::string("."),
        std::string(".."), std::string("..."), std::string()}) {
    EXPECT_EQ(Refusal(other), InvalidToken()) << other;
  }
  // The two bits after the last byte of the signature.
  std::string other = token;
  other.back() = other.back() == 'A' ? 'B' : static_cast<char>(other.back() + 1);
  EXPECT_EQ(Refusal(other), InvalidToken());
}

TEST_F(TokenVerifierTest, TakesNoTokenWithAnyByteChangedOrMissing) {
  const std::string token = signer.Sign(TokenClaims(clock.WallNow()));
  for (std::size_t i = 0; i < token.size(); ++i) {
    EXPECT_EQ(Refusal(token.substr(0, i)), InvalidToken()) << i;
    std::string other = token;
    other[i] = other[i] == 'A' ? 'Q' : 'A';
    EXPECT_EQ(Refusal(other), InvalidToken()) << i;
    other[i] = '\0';
    EXPECT_EQ(Refusal(other), InvalidToken()) << i;
  }
}

TEST_F(TokenVerifierTest, ReadsNoTokenThatIsTooLong) {
  const auto of_size = [this](std::size_t size) {
    const std::size_t empty = signer.Sign(signer.Header(), "").size();
    std::string claims = TokenClaims(clock.WallNow()).ToJson();
    claims.append((size - empty) / 4 * 3 - claims.size(), ' ');
    return signer.Sign(signer.Header(), claims);
  };
  const std::string longest = of_size(kMaxTokenBytes);
  ASSERT_LE(longest.size(), kMaxTokenBytes);
  ASSERT_GT(longest.size(), kMaxTokenBytes - 4);
  EXPECT_EQ(Refusal(longest), absl::OkStatus());
  EXPECT_EQ(Refusal(of_size(kMaxTokenBytes + 4)), InvalidToken());
}

TEST_F(TokenVerifierTest, WithoutKeysTakesNone) {
  const TokenVerifier none({}, "scaleout", "scaleout-api", clock);
  EXPECT_EQ(none.Verify(signer.Sign(TokenClaims(clock.WallNow()))).status(), InvalidToken());
}

}  // namespace
}  // namespace scaleout::gateway
