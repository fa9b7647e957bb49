#include "gateway/auth/token_keys.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "common/str_cat.h"
#include "tests/support/token_signer.h"

namespace scaleout::gateway {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using testing::TokenSigner;

std::string FaultOf(std::string_view pems) {
  const absl::StatusOr<TokenKeys> keys = TokenKeys::Parse(pems);
  return keys.ok() ? "none" : std::string(FromAbsl(keys.status().message()));
}

TEST(TokenKeys, AreFoundByTheThumbprintOfTheirJwk) {
  // The base point of the curve; its thumbprint is computed with another program.
  const absl::StatusOr<TokenKeys> keys = TokenKeys::Parse(
      "-----BEGIN PUBLIC KEY-----\n"
      "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEaxfR8uEsQkf4vOblY6RA8ncDfYEt\n"
      "6zOg9KE5RdiYwpZP40Li/hp/m47n60p8D54WK84zV2sxXs7LtkBoN79R9Q==\n"
      "-----END PUBLIC KEY-----\n");
  ASSERT_TRUE(keys.ok()) << keys.status();
  ASSERT_EQ(keys->list().size(), 1U);
  const PublicKey& key = keys->list()[0];
  EXPECT_EQ(key.x(), "axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpY");
  EXPECT_EQ(key.y(), "T-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU");
  EXPECT_EQ(key.kid(), "xx0BcA-wMohw8atYDJOe6peGModklG2wRHBlXHMvl0M");
  EXPECT_EQ(keys->Find(key.kid()), &key);
  EXPECT_EQ(keys->Find("another"), nullptr);
  EXPECT_EQ(keys->Find(""), nullptr);
}

TEST(TokenKeys, AreSeveralWithBlanksBetween) {
  const TokenSigner first;
  const TokenSigner second;
  const absl::StatusOr<TokenKeys> keys =
      TokenKeys::Parse("\n " + first.PublicPem() + "\r\n\n" + second.PublicPem());
  ASSERT_TRUE(keys.ok()) << keys.status();
  EXPECT_EQ(keys->list()[0].kid(), first.Kid());
  EXPECT_EQ(keys->list()[1].kid(), second.Kid());
  EXPECT_TRUE(keys->list()[1].Verifies("text", second.SignatureOf("text")));
}

TEST(TokenKeys, AreNoneInAnEmptyText) {
  for (const char* pems : {"", " \n"}) EXPECT_TRUE(TokenKeys::Parse(pems)->list().empty());
}

TEST(TokenKeys, NameEveryFaultAtOnce) {
  const TokenSigner signer;
  const std::string pem = signer.PublicPem();
  EXPECT_EQ(FaultOf(pem + signer.PrivatePem() + TokenSigner("P-384").PublicPem() + pem + "junk"),
            "key 2 is a private key; key 3 is not of the curve P-256; key 4 occurs twice; key 5 is "
            "not in PEM");
}

TEST(TokenKeys, RefuseWhatIsNoKey) {
  const std::string pem = TokenSigner().PublicPem();
  EXPECT_EQ(FaultOf("no key"), "key 1 is not in PEM");
  EXPECT_EQ(FaultOf("text before " + pem), "key 1 is not in PEM");
  EXPECT_EQ(FaultOf(pem.substr(0, pem.size() - 10)), "key 1 is not in PEM");
  std::string damaged = pem;
  damaged[60] = damaged[60] == 'A' ? 'B' : 'A';
  damaged[61] = '!';
  EXPECT_EQ(FaultOf(damaged), "key 1 is no public key");
  EXPECT_EQ(FaultOf("-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n"),
            "key 1 is no public key");
  EXPECT_EQ(FaultOf("-----BEGIN PUBLIC KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,"
                    "00000000000000000000000000000000\n\nAAAA\n-----END PUBLIC KEY-----\n"),
            "key 1 is no public key");
}

TEST(TokenKeys, NeverShowAPrivateKey) {
  const std::string pem = TokenSigner().PrivatePem();
  EXPECT_THAT(FaultOf(pem), Not(HasSubstr(pem.substr(30, 10))));
}

TEST(PublicKey, VerifiesOnlyTheSignatureOfTheText) {
  const TokenSigner signer;
  const absl::StatusOr<PublicKey> key = PublicKey::Parse(signer.PublicPem());
  ASSERT_TRUE(key.ok());
  const std::string signature = signer.SignatureOf("text");
  EXPECT_TRUE(key->Verifies("text", signature));
  EXPECT_FALSE(key->Verifies("texts", signature));
  EXPECT_FALSE(key->Verifies("", signature));
  EXPECT_FALSE(key->Verifies("text", TokenSigner().SignatureOf("text")));
  for (std::size_t i = 0; i < signature.size(); ++i) {
    std::string other = signature;
    other[i] = static_cast<char>(other[i] ^ 1);
    EXPECT_FALSE(key->Verifies("text", other)) << i;
  }
}

TEST(PublicKey, RefusesSignaturesOfAnotherSizeAndOfExtremeNumbers) {
  const TokenSigner signer;
  const absl::StatusOr<PublicKey> key = PublicKey::Parse(signer.PublicPem());
  ASSERT_TRUE(key.ok());
  const std::string signature = signer.SignatureOf("text");
  EXPECT_FALSE(key->Verifies("text", ""));
  EXPECT_FALSE(key->Verifies("text", signature.substr(0, 63)));
  EXPECT_FALSE(key->Verifies("text", signature + std::string(1, '\0')));
  EXPECT_FALSE(key->Verifies("text", std::string(64, '\0')));
  EXPECT_FALSE(key->Verifies("text", std::string(64, '\xff')));
}

}  // namespace
}  // namespace scaleout::gateway
