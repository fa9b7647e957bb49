#include "tests/integration/private_postgres.h"

#include <fcntl.h>
#include <grp.h>
#include <pqxx/pqxx>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>
#include <vector>

#include "tests/support/eventually.h"

// Asked for by LeakSanitizer: libpqxx 6.4 forgets a result when it finds the connection lost while
// it wraps it.
extern "C" const char* __lsan_default_suppressions() { return "leak:PQmakeEmptyPGresult\n"; }

namespace scaleout::testing {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::seconds kStartLimit{60};

[[noreturn]] void Die(const std::string& why) {
  std::cerr << "private PostgreSQL: " << why << std::endl;
  std::abort();
}

// The newest server that Debian's packages have installed.
fs::path BinDirectory() {
  fs::path newest;
  int newest_version = 0;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator("/usr/lib/postgresql", error)) {
    const int version = std::atoi(entry.path().filename().c_str());
    if (version > newest_version && fs::exists(entry.path() / "bin/initdb")) {
      newest_version = version;
      newest = entry.path() / "bin";
    }
  }
  if (newest.empty()) Die("no server below /usr/lib/postgresql");
  return newest;
}

// PostgreSQL refuses to run as root. Null: it can run as who we are.
const passwd* ServerUser() {
  if (geteuid() != 0) return nullptr;
  const passwd* user = getpwnam("postgres");
  if (user == nullptr) user = getpwnam("nobody");
  if (user == nullptr) Die("neither a user postgres nor a user nobody");
  return user;
}

pid_t Spawn(const std::vector<std::string>& command, const fs::path& log) {
  std::vector<char*> argv;
  for (const std::string& word : command) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  const passwd* user = ServerUser();
  const pid_t child = fork();
  if (child != 0) return child;
  const int out = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  dup2(out, STDOUT_FILENO);
  dup2(out, STDERR_FILENO);
  // Below /, which every user may enter, unlike the directory the test was started in.
  if (chdir("/") != 0) _exit(126);
  if (user != nullptr && (initgroups(user->pw_name, user->pw_gid) != 0 ||
                          setgid(user->pw_gid) != 0 || setuid(user->pw_uid) != 0)) {
    _exit(126);
  }
  // After setuid, which would reset it: an immediate shutdown once the test program is no more.
  prctl(PR_SET_PDEATHSIG, SIGQUIT);
  execv(argv[0], argv.data());
  _exit(127);
}

bool Succeeds(pid_t child) {
  int status = 0;
  return waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

std::vector<pid_t> ChildrenOf(pid_t parent) {
  return FindProcesses([parent](const fs::path& process) {
    std::ifstream file(process / "stat");
    const std::string stat{std::istreambuf_iterator<char>(file), {}};
    // pid (name) state ppid; the name may hold anything.
    const std::size_t name_end = stat.rfind(") ");
    return name_end != std::string::npos && name_end + 4 < stat.size() &&
           std::atoi(stat.c_str() + name_end + 4) == parent;
  });
}

bool Accepts(const std::string& conninfo) {
  try {
    const pqxx::connection connection(conninfo);
    return true;
  } catch (const pqxx::broken_connection&) {
    return false;
  }
}

}  // namespace

FrozenPostgres::FrozenPostgres(pid_t server) {
  // The parent first, so that it makes no further children.
  kill(server, SIGSTOP);
  processes_ = ChildrenOf(server);
  for (const pid_t child : processes_) kill(child, SIGSTOP);
  processes_.push_back(server);
}

FrozenPostgres::~FrozenPostgres() {
  for (const pid_t process : processes_) kill(process, SIGCONT);
}

PrivatePostgres& PrivatePostgres::Running() {
  static PrivatePostgres postgres;
  return postgres;
}

PrivatePostgres::PrivatePostgres() {
  std::string name = (fs::temp_directory_path() / "pgtest-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) Die("cannot make a directory");
  directory_ = name;
  remover_ = std::make_unique<ServerRemover>(directory_);
  if (const passwd* user = ServerUser(); user != nullptr) {
    if (chown(name.c_str(), user->pw_uid, user->pw_gid) != 0) Die("cannot chown " + name);
  }
  const pid_t initdb =
      Spawn({BinDirectory() / "initdb", "-D", directory_ / "data", "-A", "trust", "-U", "postgres",
             "-N", "-E", "UTF8", "--locale=C.UTF-8", "--no-instructions"},
            directory_ / "initdb.log");
  if (!Succeeds(initdb)) Die("initdb failed, see " + (directory_ / "initdb.log").string());
  Start();
  // Every database is a copy of this one.
  Ask(Conninfo("template1"), "CREATE EXTENSION pg_stat_statements");
}

PrivatePostgres::~PrivatePostgres() {
  if (server_ != 0) Stop();
  remover_.reset();
}

void PrivatePostgres::Start() {
  server_ = Spawn({BinDirectory() / "postgres", "-D", directory_ / "data", "-k",
                   directory_.string(), "-c", "listen_addresses=", "-c", "fsync=off", "-c",
                   "full_page_writes=off", "-c", "max_connections=60", "-c", "shared_buffers=16MB",
                   "-c", "shared_preload_libraries=pg_stat_statements", "-c",
                   "pg_stat_statements.track_planning=off"},
                  directory_ / "postgres.log");
  bool ready = false;
  const bool ended = Eventually(
      [&] {
        ready = Accepts(Conninfo("postgres"));
        return ready || waitpid(server_, nullptr, WNOHANG) == server_;
      },
      kStartLimit);
  if (!ended || !ready) {
    Die("the server did not start, see " + (directory_ / "postgres.log").string());
  }
}

void PrivatePostgres::Stop() {
  kill(server_, SIGINT);
  waitpid(server_, nullptr, 0);
  server_ = 0;
}

std::string PrivatePostgres::CreateDatabase() {
  const std::string name = "test_" + std::to_string(++databases_);
  Ask(Conninfo("postgres"), "CREATE DATABASE " + name);
  return Conninfo(name);
}

std::string PrivatePostgres::Conninfo(const std::string& database) const {
  return "host=" + directory_.string() + " user=postgres dbname=" + database;
}

std::string PrivatePostgres::Ask(const std::string& conninfo, const std::string& sql) {
  try {
    pqxx::connection connection(conninfo);
    pqxx::nontransaction transaction(connection);
    const pqxx::result rows = transaction.exec(sql);
    return rows.empty() || rows[0][0].is_null() ? "" : rows[0][0].as<std::string>();
  } catch (const std::exception& e) {
    Die(sql + ": " + e.what());
  }
}

}  // namespace scaleout::testing
