#include "services/user/token_key.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <memory>
#include <string>

namespace scaleout::user {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

// Made by `openssl genpkey`; its thumbprint was computed apart from this program.
constexpr char kPem[] = R"(-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgZPZ1eijhuygKDejA
g4z49ezDNg/WIt4Hb41qbPzhUjmhRANCAARbsbx+u74uNgdRRCddPAE2XwHoZdaB
4oivw6K2I10eB5/2yerMoEp8GRyMvrjMCWLS13YzBmlJQKcljWQbO7SW
-----END PRIVATE KEY-----
)";
constexpr char kKid[] = "h8V0lJpHbDFZcte3YtEObLpB7dEY25C7s8wXGcfBAlI";

const unsigned char* Bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

// By OpenSSL's own reading of the public key.
bool Verifies(const std::string& public_pem, std::string_view text, std::string_view signature) {
  const std::unique_ptr<BIO, decltype(&BIO_free_all)> bio(
      BIO_new_mem_buf(public_pem.data(), static_cast<int>(public_pem.size())), BIO_free_all);
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(
      PEM_read_bio_PUBKEY(bio.get(), nullptr, nullptr, nullptr), EVP_PKEY_free);
  const std::unique_ptr<ECDSA_SIG, decltype(&ECDSA_SIG_free)> numbers(ECDSA_SIG_new(),
                                                                      ECDSA_SIG_free);
  ECDSA_SIG_set0(numbers.get(), BN_bin2bn(Bytes(signature), 32, nullptr),
                 BN_bin2bn(Bytes(signature.substr(32)), 32, nullptr));
  unsigned char* der = nullptr;
  const int size = i2d_ECDSA_SIG(numbers.get(), &der);
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> digest(EVP_MD_CTX_new(),
                                                                       EVP_MD_CTX_free);
  const bool verifies =
      EVP_DigestVerifyInit(digest.get(), nullptr, EVP_sha256(), nullptr, key.get()) == 1 &&
      EVP_DigestVerify(digest.get(), der, static_cast<std::size_t>(size), Bytes(text),
                       text.size()) == 1;
  OPENSSL_free(der);
  return verifies;
}

TEST(TokenKey, KidIsTheThumbprintOfThePublicKey) {
  const auto key = TokenKey::Parse(kPem);
  ASSERT_TRUE(key);
  EXPECT_EQ(key->kid(), kKid);
}

TEST(TokenKey, NewKeyIsReadBackFromItsPem) {
  const TokenKey key = TokenKey::Random();
  EXPECT_THAT(key.PrivatePem(), StartsWith("-----BEGIN PRIVATE KEY-----\n"));
  EXPECT_THAT(key.PublicPem(), StartsWith("-----BEGIN PUBLIC KEY-----\n"));
  EXPECT_THAT(key.PublicPem(), Not(HasSubstr("PRIVATE")));
  const auto read = TokenKey::Parse(key.PrivatePem());
  ASSERT_TRUE(read);
  EXPECT_EQ(read->kid(), key.kid());
  EXPECT_EQ(read->PublicPem(), key.PublicPem());
  EXPECT_NE(TokenKey::Random().kid(), key.kid());
}

TEST(TokenKey, SignatureIsOfThatTextByThatKey) {
  const TokenKey key = TokenKey::Random();
  // Numbers with leading zeros come up among so many.
  for (int i = 0; i < 600; ++i) {
    const std::string text = "header.claims" + std::to_string(i);
    const std::string signature = key.Sign(text);
    ASSERT_EQ(signature.size(), 64u);
    ASSERT_TRUE(Verifies(key.PublicPem(), text, signature));
  }
  const std::string signature = key.Sign("header.claims");
  EXPECT_FALSE(Verifies(key.PublicPem(), "header.claimz", signature));
  EXPECT_FALSE(Verifies(TokenKey::Random().PublicPem(), "header.claims", signature));
}

TEST(TokenKey, RefusesWhatIsNoPrivateKeyOfItsCurve) {
  const std::string good = TokenKey::Random().PrivatePem();
  for (const std::string& bad :
       {std::string(), std::string("nonsense"), good.substr(0, good.size() / 2),
        TokenKey::Random().PublicPem(), std::string(R"(-----BEGIN PRIVATE KEY-----
MIG2AgEAMBAGByqGSM49AgEGBSuBBAAiBIGeMIGbAgEBBDBAtXMDuk+8VvrZe8cv
Huk9mCG2xhoA0G3SCfZoYvOiiTfpfuY43tL1UqGoBcHJKNWhZANiAATy4s3QMLM0
xs8CxoFe/qRXp828dtyWrvQ5uTkGqagbutctZ1Ae24QEGrFdi3FSrzFP2YILneE2
iy+8W8ixmeQBHbOAu4eMMOuyXATpEcrI7IZYtrQD1HaWLVk8sYT1I9Q=
-----END PRIVATE KEY-----
)"),
        std::string(R"(-----BEGIN ENCRYPTED PRIVATE KEY-----
MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAgqU7Ac5uqUrQICCAAw
DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEGSPBYY2pnGt3AnPSDrwg30EgZCM
CTdYLeJRdkCWSS0/zQWiP1ZFIc9FJCNtXn6LUNChuDFuOp+jvCV/j/7NhxlHB5D9
/1+5rdPIz+uLSPWH2wbgE7kpB5Uct1n3oqV2UGBhOyRvhS6Dvudd76RUYYtw/NLN
snJUbTYXqTiXY14a7a0ah+1SAVYU+QCxl2ZtZtWni5PbOfx93K/6E/Wi5tRbLRw=
-----END ENCRYPTED PRIVATE KEY-----
)")}) {
    EXPECT_FALSE(TokenKey::Parse(bad)) << bad;
  }
}

}  // namespace
}  // namespace scaleout::user
