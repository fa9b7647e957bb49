// What differs between libpqxx 6.4 (Debian 12) and 7.10 (Debian 13), in one place. Only .cc files
// of postgres/ include it.
#ifndef SCALEOUT_POSTGRES_POSTGRES_COMPAT_H_
#define SCALEOUT_POSTGRES_POSTGRES_COMPAT_H_

#include <pqxx/connection>
#include <pqxx/nontransaction>
#include <pqxx/result>
#include <pqxx/transaction>

#include <optional>
#include <string>
#include <vector>

namespace scaleout {

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
