#include "postgres/postgres_statement.h"

namespace scaleout {

PostgresParam::PostgresParam(const std::vector<std::int64_t>& values) {
  std::string text = "{";
  for (const std::int64_t value : values) {
    if (text.size() > 1) text += ',';
    text += std::to_string(value);
  }
  text_ = text + '}';
}

PostgresParam::PostgresParam(const std::vector<std::string>& values) {
  std::string text = "{";
  for (const std::string& value : values) {
    if (text.size() > 1) text += ',';
    text += '"';
    for (const char c : value) {
      if (c == '"' || c == '\\') text += '\\';
      text += c;
    }
    text += '"';
  }
  text_ = text + '}';
}

}  // namespace scaleout
