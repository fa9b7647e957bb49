// What differs between libpqxx 6.4 (Debian 12) and 7.10 (Debian 13), in one place. Only .cc files
// of postgres/ include it.
#ifndef SCALEOUT_POSTGRES_POSTGRES_COMPAT_H_
#define SCALEOUT_POSTGRES_POSTGRES_COMPAT_H_

#include <libpq-fe.h>
#include <pqxx/connection>
#include <pqxx/except>
#include <pqxx/nontransaction>
#include <pqxx/result>
#include <pqxx/transaction>

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace scaleout {

// A connection that libpqxx is handed, made by libpq (postgres_connect.h); it closes it.
#if PQXX_VERSION_MAJOR >= 7
struct PqxxConnection : pqxx::connection {
  explicit PqxxConnection(PGconn* made) : pqxx::connection(seize_raw_connection(made)) {}
};
#else
class PqxxHandover : public pqxx::connectionpolicy {
 protected:
  explicit PqxxHandover(PGconn* made) : pqxx::connectionpolicy(""), made_(made) {}

 private:
  handle do_startconnect(handle now) override {
    return now != nullptr ? now : std::exchange(made_, nullptr);
  }

  handle made_;
};

class PqxxConnection : private PqxxHandover, public pqxx::connection_base {
 public:
  explicit PqxxConnection(PGconn* made)
      : PqxxHandover(made), pqxx::connection_base(static_cast<pqxx::connectionpolicy&>(*this)) {
    // A BEGIN on a broken connection would make libpqxx 6 connect again, without a limit and
    // without the session's settings.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
    try {
      init();
    } catch (...) {
      close();
      throw;
    }
    inhibit_reactivation(true);
#pragma GCC diagnostic pop
  }
  ~PqxxConnection() { close(); }
};
#endif

using PostgresTexts = std::vector<std::optional<std::string>>;

// Runs a statement that was prepared under `name`; every parameter travels as text, an absent one
// as NULL.
inline pqxx::result ExecPrepared(pqxx::transaction_base& transaction, const std::string& name,
                                 const PostgresTexts& params) {
#if PQXX_VERSION_MAJOR >= 7
  pqxx::params values;
  values.reserve(params.size());
  for (const std::optional<std::string>& param : params) values.append(param);
  return transaction.exec(pqxx::prepped{name}, values);
#else
  std::vector<const char*> values;
  values.reserve(params.size());
  for (const std::optional<std::string>& param : params) {
    values.push_back(param ? param->c_str() : nullptr);
  }
  return transaction.exec_prepared(name, pqxx::prepare::make_dynamic_params(values));
#endif
}

}  // namespace scaleout

#endif  // SCALEOUT_POSTGRES_POSTGRES_COMPAT_H_
