// Package pause lets time pass, unless a context ends.
package pause

import (
	"context"
	"time"
)

// For waits for d, and returns nil; or the context's error, as soon as that has ended. It
// does not wait if d is not positive.
func For(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
