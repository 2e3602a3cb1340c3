package client

import (
	"context"
	"errors"
	"sync"
	"testing"
)

func TestTasks(t *testing.T) {
	var all tasks
	if err := all.wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	all.Go(func() { <-stop })
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := all.wait(ended); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	close(stop)
	if err := all.wait(t.Context()); err != nil {
		t.Fatal(err)
	}

	// Tasks begin and end while others wait.
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range 1000 {
				all.Go(func() {})
				if err := all.wait(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	if err := all.wait(t.Context()); err != nil || all.running != 0 {
		t.Fatal(all.running, err)
	}
}
