// Reads the answers of one HTTP/1.1 connection, for a client that measures: the status, where the
// answer ends, and whether the connection can be used again. Bodies are counted and not stored.
//
// Knows what the gateway and nginx send: a Content-Length in every answer that has a body, and no
// answer without being asked. Anything else is kBroken. Used by one thread.
#ifndef SCALEOUT_TESTS_LOAD_ANSWER_READER_H_
#define SCALEOUT_TESTS_LOAD_ANSWER_READER_H_

#include <cstddef>
#include <string>
#include <string_view>

namespace scaleout::load {

class AnswerReader {
 public:
  enum class State { kIncomplete, kComplete, kBroken };

  // Takes the next bytes of the connection. After kComplete the next answer begins.
  State Take(std::string_view bytes);

  // Of the last complete answer.
  int status() const { return status_; }
  // Whether the server closes the connection after it.
  bool closes() const { return closes_; }

 private:
  bool ParseHead();

  std::string head_;
  bool in_body_ = false;
  std::size_t body_left_ = 0;
  int status_ = 0;
  bool closes_ = false;
};

}  // namespace scaleout::load

#endif  // SCALEOUT_TESTS_LOAD_ANSWER_READER_H_
