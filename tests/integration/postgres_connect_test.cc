// Connections to servers that do not answer, behind names that are not resolved.
#include "postgres/postgres_connect.h"

#include <dlfcn.h>
#include <netdb.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <future>
#include <memory>
#include <string>

#include "tests/integration/pool_fixture.h"

namespace {

// A name that is looked up for as long as the test holds this.
constexpr const char* kSlowName = "slow.invalid";
std::shared_future<void>& SlowLookup() {
  static std::shared_future<void> released;
  return released;
}

}  // namespace

// Takes the place of the C library's for the whole program, libpq too.
extern "C" __attribute__((visibility("default"))) int getaddrinfo(const char* node,
                                                                  const char* service,
                                                                  const addrinfo* hints,
                                                                  addrinfo** found) {
  if (node != nullptr && std::strcmp(node, kSlowName) == 0) {
    SlowLookup().wait();
    return EAI_AGAIN;
  }
  using Function = int (*)(const char*, const char*, const addrinfo*, addrinfo**);
  static const auto libc = reinterpret_cast<Function>(dlsym(RTLD_NEXT, "getaddrinfo"));
  return libc(node, service, hints, found);
}

namespace scaleout {
namespace {

using namespace std::chrono_literals;
using testing::CallFor;
using testing::Eventually;

constexpr PostgresStatement kAnswer = {"answer", "SELECT 42 AS answer"};

// Where PostgreSQL would listen, a socket whose connections are accepted by the kernel only.
class SilentServer {
 public:
  SilentServer() {
    std::string name = (std::filesystem::temp_directory_path() / "silent-XXXXXX").string();
    directory_ = mkdtemp(name.data());
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    (directory_ / ".s.PGSQL.5432").string().copy(address.sun_path, sizeof(address.sun_path) - 1);
    EXPECT_EQ(bind(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
    EXPECT_EQ(listen(socket_, 16), 0);
  }
  ~SilentServer() {
    close(socket_);
    std::filesystem::remove_all(directory_);
  }
  SilentServer(const SilentServer&) = delete;
  SilentServer& operator=(const SilentServer&) = delete;

  std::string directory() const { return directory_.string(); }

 private:
  std::filesystem::path directory_;
  const int socket_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
};

class PostgresConnectTest : public testing::PoolFixture {
 protected:
  // The fixture's server after others in the list of hosts.
  std::string ConninfoAfter(const std::string& host) const {
    std::string conninfo = conninfo_;
    return conninfo.insert(conninfo.find("host=") + 5, host + ",");
  }
};

TEST_F(PostgresConnectTest, TriesTheNextHostWhenOneDoesNotAnswer) {
  const SilentServer silent;
  options_.connect.conninfo = ConninfoAfter(silent.directory());
  const auto pool = MakePool();
  EXPECT_TRUE(Eventually([&] { return pool->reachable(); }));
  EXPECT_TRUE(pool->Execute(CallFor(), kAnswer).ok());
}

TEST_F(PostgresConnectTest, ThePoolEndsWhileANameIsLookedUp) {
  std::promise<void> release;
  SlowLookup() = release.get_future().share();
  options_.connect.conninfo = std::string("host=") + kSlowName + " user=postgres";
  auto pool = MakePool();
  EXPECT_TRUE(absl::IsUnavailable(pool->Execute(CallFor(), kAnswer).status()));
  auto ended = std::async(std::launch::async, [&] { pool.reset(); });
  EXPECT_EQ(ended.wait_for(testing::kPatience), std::future_status::ready);
  release.set_value();
}

}  // namespace
}  // namespace scaleout
