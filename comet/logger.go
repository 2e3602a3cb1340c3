package comet

import (
	"log/slog"

	"github.com/cometbft/cometbft/libs/log"
)

// logger is a slog.Logger as CometBFT wants one. What CometBFT tells of each block is for
// finding faults in it: its information is ours for debugging.
type logger struct{ slog *slog.Logger }

var _ log.Logger = logger{}

func (l logger) Debug(msg string, pairs ...any) { l.slog.Debug(msg, pairs...) }
func (l logger) Info(msg string, pairs ...any)  { l.slog.Debug(msg, pairs...) }
func (l logger) Error(msg string, pairs ...any) { l.slog.Error(msg, pairs...) }
func (l logger) With(pairs ...any) log.Logger   { return logger{l.slog.With(pairs...)} }
