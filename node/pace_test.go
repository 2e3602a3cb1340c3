package node_test

import (
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node"
	"github.com/redstuff-go/redstuff/node/api"
)

// TestLongBodyMustCome cuts off a client that announces a body which may take long, and
// sends a byte now and then.
func TestLongBodyMustCome(t *testing.T) {
	c := newCluster(t, 4, 12, func(o *node.Config) {
		o.StallTimeout, o.MinRate, o.Plaintext = 200*time.Millisecond, 1<<10, true
	})
	conn, err := net.Dial("tcp", c.nodes[0].address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	const length = 1 << 20 // worth a quarter of an hour
	frame := api.FrameHeader{Kind: api.FrameMetadata, Length: 500}.Append(nil)
	if _, err := fmt.Fprintf(conn, "PUT %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", api.BlobPath(commit.BlobID{1}, ""), length, frame); err != nil {
		t.Fatal(err)
	}
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		_, _ = io.Copy(io.Discard, conn)
	}()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(60 * time.Second); time.Now().Before(deadline); {
		select {
		case <-gone:
			return
		case <-tick.C:
			_, _ = conn.Write([]byte{0}) // an error shows as the end of what is read
		}
	}
	t.Error("the connection stays open")
}
