package pause

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestFor(t *testing.T) {
	for _, test := range []struct {
		name      string
		wait, end time.Duration // the context ends after so long; 0 is never
		want      error
		took      time.Duration
	}{
		{"passes", time.Second, 0, nil, time.Second},
		{"context ends first", time.Hour, time.Second, context.DeadlineExceeded, time.Second},
		{"no time", 0, 0, nil, 0},
		{"time that is over", -time.Hour, 0, nil, 0},
		{"no time, and the context has ended", 0, -1, context.DeadlineExceeded, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx := t.Context()
				if test.end != 0 {
					limited, cancel := context.WithTimeout(ctx, test.end)
					defer cancel()
					ctx = limited
				}
				start := time.Now()
				err := For(ctx, test.wait)
				if took := time.Since(start); !errors.Is(err, test.want) || took != test.took {
					t.Errorf("%v after %v, want %v after %v", err, took, test.want, test.took)
				}
			})
		})
	}
}
