#include "gateway/auth/client_address.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace scaleout::gateway {
namespace {

using Headers = std::vector<std::pair<std::string_view, std::string_view>>;
using ::testing::HasSubstr;

IpAddress Address(std::string_view text) { return IpAddress::Parse(text).value(); }

TrustedProxies Proxies(const std::vector<std::string>& texts) {
  TrustedProxies proxies;
  for (const std::string& text : texts) proxies.networks.push_back(*IpNetwork::Parse(text));
  return proxies;
}

// By a trusted proxy at 10.0.0.2.
std::string Forwarded(const Headers& headers) {
  return FindClientAddress(Address("10.0.0.2"), headers, Proxies({"10.0.0.0/8", "fd00::/8"}))
      .ToString();
}

TEST(ClientAddress, IsThePeersWhereThePeerIsNoTrustedProxy) {
  const Headers headers = {{"X-Forwarded-For", "203.0.113.7"}, {"X-Real-IP", "203.0.113.8"}};
  const IpAddress peer = Address("198.51.100.4");
  EXPECT_EQ(FindClientAddress(peer, headers, {}), peer);
  EXPECT_EQ(FindClientAddress(peer, headers, Proxies({"10.0.0.0/8"})), peer);
  EXPECT_EQ(FindClientAddress(Address("10.0.0.2"), headers, {}), Address("10.0.0.2"));
}

TEST(ClientAddress, IsWhatATrustedProxySays) {
  EXPECT_EQ(Forwarded({{"X-Forwarded-For", "203.0.113.7"}}), "203.0.113.7");
  EXPECT_EQ(Forwarded({{"x-FORWARDED-for", " 2001:db8::7\t"}}), "2001:db8::7");
  EXPECT_EQ(Forwarded({{"X-Forwarded-For", "::ffff:203.0.113.7"}}), "203.0.113.7");
}

TEST(ClientAddress, IsWhatAProxyOnAUnixSocketSays) {
  EXPECT_EQ(FindClientAddress({}, Headers{{"X-Forwarded-For", "203.0.113.7"}}, {}),
            Address("203.0.113.7"));
  EXPECT_EQ(FindClientAddress({}, Headers{}, {}), IpAddress());
  EXPECT_EQ(FindClientAddress({}, Headers{{"X-Forwarded-For", "unix:"}}, {}), IpAddress());
}

TEST(ClientAddress, IsThePeersWhereATrustedProxySaysNothing) {
  EXPECT_EQ(Forwarded({}), "10.0.0.2");
  EXPECT_EQ(Forwarded({{"X-Forwarded-For", ""}}), "10.0.0.2");
  EXPECT_EQ(Forwarded({{"X-Forwarded-For", " , "}}), "10.0.0.2");
}

TEST(ClientAddress, IsTheLastOneThatIsNoTrustedProxys) {
  EXPECT_EQ(Forwarded({{"X-Forwarded-For", "192.0.2.66, 203.0.113.7"}}), "203.0.113.7")
      << "what the client has put in front is its own claim";
  EXPECT_EQ(Forwarded({{"X-Forwarded-For", "192.0.2.66,203.0.113.7,fd00::1,10.1.1.1"}}),
            "203.0.113.7");
  EXPECT_EQ(Forwarded({{"X-Forwarded-For", "10.3.3.3,10.1.1.1"}}), "10.3.3.3")
      << "a client in the proxies' own network";
}

TEST(ClientAddress, ReadsSeveralHeadersAsOne) {
  EXPECT_EQ(Forwarded({{"X-Forwarded-For", "192.0.2.66"}, {"X-Forwarded-For", "203.0.113.7"}}),
            "203.0.113.7");
  EXPECT_EQ(Forwarded({{"X-Forwarded-For", "203.0.113.7"},
                       {"Accept", "192.0.2.1"},
                       {"X-Forwarded-For", "10.1.1.1"}}),
            "203.0.113.7");
}

TEST(ClientAddress, BelievesNothingBeyondWhatIsNoAddress) {
  EXPECT_EQ(Forwarded({{"X-Forwarded-For", "192.0.2.66, unknown"}}), "10.0.0.2");
  EXPECT_EQ(Forwarded({{"X-Forwarded-For", "192.0.2.66, garbage, 10.1.1.1"}}), "10.1.1.1");
  EXPECT_EQ(Forwarded({{"X-Forwarded-For", "192.0.2.66,"}}), "10.0.0.2");
  EXPECT_EQ(Forwarded({{"X-Forwarded-For", "203.0.113.7"}, {"X-Forwarded-For", ""}}), "10.0.0.2");
}

TEST(ClientAddress, NeverReadsOtherHeaders) {
  EXPECT_EQ(Forwarded({{"X-Real-IP", "203.0.113.7"},
                       {"Forwarded", "for=203.0.113.7"},
                       {"X-Forwarded-For-X", "203.0.113.7"},
                       {"True-Client-IP", "203.0.113.7"}}),
            "10.0.0.2");
}

// Whatever stands in front of what the proxy has appended changes nothing.
TEST(ClientAddress, CannotBeForgedByWhatTheClientSends) {
  std::mt19937 random(11);
  const std::string_view alphabet = "0123456789abcdef.:, \t[]\"%/unknown\x80\xff";
  for (int i = 0; i < 100'000; ++i) {
    std::string claim(random() % 60, '\0');
    for (char& c : claim) c = alphabet[random() % alphabet.size()];
    const std::string appended = claim + ", 203.0.113.7";
    ASSERT_EQ(Forwarded({{"X-Forwarded-For", appended}}), "203.0.113.7") << claim;
    ASSERT_EQ(Forwarded({{"X-Forwarded-For", claim}, {"X-Forwarded-For", "203.0.113.7"}}),
              "203.0.113.7")
        << claim;
    Forwarded({{"X-Forwarded-For", claim}});
  }
}

TEST(ClientNetwork, IsTheAddressOrTheFirstHalfOfAnIpv6One) {
  EXPECT_EQ(ClientNetwork(Address("203.0.113.7")), Address("203.0.113.7"));
  EXPECT_EQ(ClientNetwork(Address("2001:db8:1:2:3:4:5:6")), Address("2001:db8:1:2::"));
  EXPECT_EQ(ClientNetwork(Address("2001:db8:1:2::")), Address("2001:db8:1:2::"));
  EXPECT_NE(ClientNetwork(Address("2001:db8:1:3::1")), ClientNetwork(Address("2001:db8:1:2::1")));
  EXPECT_EQ(ClientNetwork(Address("::ffff:203.0.113.7")), Address("203.0.113.7"));
}

TEST(TrustedProxies, AreLoadedAndOthersAreRefused) {
  const auto load = [](const std::string& value, TrustedProxies& proxies) {
    Environment env({{"TRUSTED_PROXIES", value}}, {"TRUSTED_"});
    Settings settings(env);
    DeclareTrustedProxies(settings, proxies);
    return env.Check();
  };
  TrustedProxies proxies;
  EXPECT_TRUE(load("10.0.0.0/8,192.0.2.1,fd00::/8", proxies).ok());
  EXPECT_TRUE(proxies.Contain(Address("10.9.9.9")));
  EXPECT_TRUE(proxies.Contain(Address("192.0.2.1")));
  EXPECT_FALSE(proxies.Contain(Address("192.0.2.2")));
  EXPECT_TRUE(proxies.Contain(Address("fd00::9")));
  TrustedProxies none;
  EXPECT_TRUE(load("", none).ok());
  EXPECT_TRUE(none.networks.empty());
  EXPECT_FALSE(none.Contain(Address("127.0.0.1")));
  for (const char* const bad : {"nginx", "10.0.0.1/8", "10.0.0.0/8, 192.0.2.1", "10.0.0.0/8,"}) {
    TrustedProxies some;
    EXPECT_THAT(load(bad, some).ToString(), HasSubstr("TRUSTED_PROXIES")) << bad;
  }
}

}  // namespace
}  // namespace scaleout::gateway
