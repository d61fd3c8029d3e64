// What no op can be cheaper than.
#pragma once

namespace fg::bench::gpu {

/// Starts an empty kernel on the current stream, with nothing around the runtime's call.
void bare_launch();

}  // namespace fg::bench::gpu
