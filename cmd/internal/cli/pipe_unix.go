//go:build unix

package cli

import (
	"os"
	"os/signal"
	"syscall"
)

// catchClosedPipes makes it an error to write to a closed pipe. Otherwise the runtime
// ends the process where the pipe is standard output or standard error, whatever it is
// in the middle of.
func catchClosedPipes() { signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE) }
