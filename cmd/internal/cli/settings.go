package cli

import (
	"fmt"
	"io"
	"log/slog"

	"github.com/dustin/go-humanize"
)

// Bytes is a number of bytes that a flag or a setting says, such as 64MiB.
type Bytes int64

// UnmarshalText reads a number with a unit.
func (s *Bytes) UnmarshalText(text []byte) error {
	size, err := humanize.ParseBytes(string(text))
	if err != nil || size > 1<<62 {
		return fmt.Errorf("%q is not a number of bytes", text)
	}
	*s = Bytes(size)
	return nil
}

// Logger returns the log of a program that runs until it is told to end, in JSON if that
// is the format and else as text.
func Logger(w io.Writer, level slog.Level, format string) *slog.Logger {
	options := &slog.HandlerOptions{Level: level}
	if format == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}
