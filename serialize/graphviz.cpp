#include "serialize/graphviz.h"

#include <cerrno>
#include <system_error>
#include <vector>

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "serialize/file.h"
#include "serialize/temporary_file.h"
#include "tensor/error.h"

extern char** environ;

namespace fg {
namespace {

struct Outcome {
  int error = 0;   // of the start: there is no such program
  int status = 0;  // as waitpid gives it
};

/// Runs `dot`; what it says goes to the file descriptor `messages`.
Outcome run_dot(std::vector<std::string> arguments, int messages) {
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, messages, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, messages, STDERR_FILENO);
  pid_t pid = 0;
  Outcome outcome;
  outcome.error = posix_spawnp(&pid, "dot", &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (outcome.error != 0) return outcome;
  while (waitpid(pid, &outcome.status, 0) < 0 && errno == EINTR) {
  }
  return outcome;
}

bool succeeded(const Outcome& outcome) {
  return outcome.error == 0 && WIFEXITED(outcome.status) && WEXITSTATUS(outcome.status) == 0;
}

/// "svg" for a name that ends so; nothing for names of text files.
std::string picture_format(const std::string& path) {
  for (const char* format : {"svg", "png", "pdf"})
    if (path.ends_with(str(".", format))) return format;
  return "";
}

}  // namespace

bool has_graphviz() { return succeeded(run_dot({"dot", "-V"}, make_tempfile().fd)); }

void save_dot(const std::string& path, const std::string& dot) {
  const std::string format = picture_format(path);
  if (format.empty()) return write_file("save_dot", path, dot);
  const TempFile source = make_tempfile("fusegrad-dot-");
  const TempFile picture = make_tempfile("fusegrad-picture-");
  const TempFile messages = make_tempfile("fusegrad-messages-");
  write_file("save_dot", source.name, dot);
  const Outcome outcome =
      run_dot({"dot", "-T" + format, source.name, "-o", picture.name}, messages.fd);
  ENSURE(outcome.error == 0, "save_dot: ", path,
         " needs graphviz's program dot: ", std::generic_category().message(outcome.error),
         "; a path that ends in .dot does not");
  if (!succeeded(outcome)) {
    const MappedFile said("save_dot", messages.name);
    detail::fail(str("save_dot: dot could not draw ", path, ": ",
                     said.bytes().substr(0, said.bytes().find('\n'))));
  }
  write_file("save_dot", path, MappedFile("save_dot", picture.name).bytes());
}

}  // namespace fg
