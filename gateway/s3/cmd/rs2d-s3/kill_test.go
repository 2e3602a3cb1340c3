package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/gateway/s3"
	"github.com/redstuff-go/redstuff/node/control/chain"
	"github.com/redstuff-go/redstuff/node/ledger"
	"github.com/redstuff-go/redstuff/node/nodetest"
)

// kills is how often TestKillProcess and TestKillOnLedger kill a gateway.
var kills = flag.Int("kills", 1, "how often to kill a gateway under load")

// rebuildEvery is after how many kills TestKillOnLedger loses the database.
const rebuildEvery = 5

// kept is how many objects are read after each kill, besides those of the last round.
const kept = 200

// childMode has the test's program be the command.
const childMode = "RS2D_S3_TEST_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childMode) != "" {
		os.Exit(execute(context.Background(), os.Args[1:], os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

// configure starts nodes, and returns the names of files of which a gateway before them is made.
func configure(t *testing.T, options ...nodetest.Option) (file func(name string) string) {
	t.Helper()
	nodes, writer := nodetest.Start(t, commit.BLAKE3, 4, 10, options...)
	text, err := nodes.Control.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	return files(t, map[string][]byte{"committee.toml": text, "client.key": writer.Reveal()})
}

// files writes files into a folder, and the secret of clients, and returns their paths.
func files(t *testing.T, all map[string][]byte) (file func(name string) string) {
	t.Helper()
	dir := t.TempDir()
	file = func(name string) string { return filepath.Join(dir, name) }
	all["secret"] = []byte("a secret that nobody guesses\n")
	for name, data := range all {
		if err := os.WriteFile(file(name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return file
}

// TestKillProcess kills a gateway under load, again and again: what it has acknowledged is there
// when it runs again.
func TestKillProcess(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some seconds")
	}
	file := configure(t)
	h := newHistory(t)
	for round := range *kills {
		h.round(round, func() (string, func()) {
			return startChild(t, "--committee", file("committee.toml"), "--key", file("client.key"), "--state", file("state"), "--secret", file("secret"))
		})
	}
	at, _ := startChild(t, "--committee", file("committee.toml"), "--key", file("client.key"), "--state", file("state"), "--secret", file("secret"))
	h.check(at, "in the end")
	t.Logf("%d writes were acknowledged before %d kills", h.acknowledged, *kills)
}

// TestKillOnLedger is TestKillProcess with notes on a ledger and small objects packed. Sometimes the
// database is lost, too, and made again of the notes. In the end all is removed, and nothing that was
// paid for is left behind.
func TestKillOnLedger(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some seconds")
	}
	town, writer := nodetest.StartOnLedger(t, commit.BLAKE3, 4, 10)
	file := files(t, map[string][]byte{"client.key": writer.Reveal()})
	start := func() (string, func()) {
		return startChild(t, "--ledger", town.URL, "--key", file("client.key"), "--state", file("state"), "--secret", file("secret"),
			"--epochs", "3", "--pack-kib", "4", "--pack-wait", "5ms", "--piece-mib", "1")
	}
	h, rebuilt := newHistory(t), 0
	for round := range *kills {
		h.round(round, start)
		if round%rebuildEvery != 0 {
			continue
		}
		if err := os.RemoveAll(file("state")); err != nil {
			t.Fatal(err)
		}
		h.rebuilt, rebuilt = true, rebuilt+1
		var stdout, stderr bytes.Buffer
		if got := execute(t.Context(), []string{
			"rebuild", "--ledger", town.URL, "--key", file("client.key"), "--state", file("state"), "--access-key", "me", "--json", "--end-rest",
		}, &stdout, &stderr); got != 0 {
			t.Fatalf("rebuild after kill %d: exit code %d, %s%s", round+1, got, stdout.String(), stderr.String())
		}
		var got s3.Rebuilt
		if err := json.Unmarshal(stdout.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		t.Logf("after kill %d: rebuilt %+v", round+1, got)
	}
	at, _ := start()
	h.check(at, "in the end")
	h.clear(at)
	left := -1
	for range 6000 {
		left = 0
		if err := chain.ListAll(t.Context(), chain.Local(town.Ledger), ledger.BlobKey(ledger.ObjectID{})[:1], func(chain.Pair) error {
			left++
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if left == 0 {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if left != 0 {
		t.Errorf("%d registrations are left behind on the ledger, want none", left)
	}
	t.Logf("%d writes were acknowledged before %d kills, and the database was lost %d times", h.acknowledged, *kills, rebuilt)
}

// value is what a key may have: the bytes of an object, or nothing.
type value struct {
	data []byte
	none bool
}

// history is what clients were told of what a gateway has.
type history struct {
	t            *testing.T
	mu           sync.Mutex
	objects      map[string][]value          // what each key may have: more than one thing where a request was cut off
	parts        map[string]map[int32]string // of uploads that go on, by the key and the id, the tags of parts
	acknowledged int
	rebuilt      bool // what was removed may be there again
	enough       int  // of what is acknowledged until the gateway is killed
	last         chan struct{}
}

func newHistory(t *testing.T) *history {
	return &history{t: t, objects: make(map[string][]value), parts: make(map[string]map[int32]string)}
}

// change has a request change what a key has.
func (h *history) change(key string, next value, request func() error) error {
	h.mu.Lock()
	if h.objects[key] == nil {
		h.objects[key] = []value{{none: true}}
	}
	h.objects[key] = append(h.objects[key], next) // it may come to be, whatever the answer is
	h.mu.Unlock()
	err := request()
	if err == nil {
		h.mu.Lock()
		h.objects[key] = []value{next}
		h.mu.Unlock()
		h.told()
	}
	return err
}

// told counts what was acknowledged.
func (h *history) told() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.acknowledged++
	if h.enough--; h.enough == 0 {
		close(h.last)
	}
}

func (h *history) client(at string) *minio.Core {
	h.t.Helper()
	c, err := minio.NewCore(at, &minio.Options{Creds: credentials.NewStaticV4("me", "a secret that nobody guesses", ""), MaxRetries: 1})
	if err != nil {
		h.t.Fatal(err)
	}
	return c
}

// round starts a gateway, checks what it has, and kills it under load.
func (h *history) round(round int, start func() (at string, kill func())) {
	t := h.t
	t.Helper()
	at, kill := start()
	if round == 0 {
		if err := h.client(at).MakeBucket(t.Context(), "bucket", minio.MakeBucketOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	h.check(at, fmt.Sprintf("killed %d times", round))
	h.enough, h.last = 10+rand.IntN(40), make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var killed atomic.Bool
	var clients sync.WaitGroup
	for w := range 5 {
		clients.Go(func() {
			w := &worker{h, h.client(at), fmt.Sprintf("%d/%d", round, w), byte(round), byte(w)}
			work := w.small
			switch w.number {
			case 0:
				work = w.large
			case 1:
				work = w.upload
			}
			for i := 0; ctx.Err() == nil; i++ {
				if err := work(ctx, i); err != nil {
					if !killed.Load() {
						t.Errorf("round %d: client %d failed before the gateway was killed: %v", round, w.number, err)
					}
					return
				}
			}
		})
	}
	gone := make(chan struct{})
	go func() { clients.Wait(); close(gone) }()
	select {
	case <-h.last:
	case <-gone:
		t.Error("the clients have ended before the gateway was killed")
	}
	killed.Store(true)
	kill()
	cancel()
	<-gone
}

// worker is a client in a round, which has keys of its own.
type worker struct {
	h             *history
	c             *minio.Core
	prefix        string
	round, number byte
}

func (w *worker) put(ctx context.Context, key string, data []byte) error {
	return w.h.change(key, value{data: data}, func() error {
		_, err := w.c.Client.PutObject(ctx, "bucket", key, bytes.NewReader(data), int64(len(data)), minio.PutObjectOptions{})
		return err
	})
}

func (w *worker) bytes(i, n int) []byte {
	return bytes.Repeat([]byte{w.round, w.number, byte(i), byte(i >> 8)}, n/4)
}

// small puts small objects, puts others in their places, and removes some.
func (w *worker) small(ctx context.Context, i int) error {
	key := fmt.Sprintf("%s/%d", w.prefix, i/3)
	if i%6 == 5 {
		return w.h.change(key, value{none: true}, func() error { return w.c.RemoveObject(ctx, "bucket", key, minio.RemoveObjectOptions{}) })
	}
	return w.put(ctx, key, w.bytes(i, 2000))
}

// large puts objects that are of several blobs on a ledger.
func (w *worker) large(ctx context.Context, i int) error {
	return w.put(ctx, fmt.Sprintf("%s/%d", w.prefix, i), w.bytes(i, 3<<19+4*i))
}

// upload begins uploads, of which some go on, some end, and some become objects.
func (w *worker) upload(ctx context.Context, i int) error {
	key := fmt.Sprintf("%s/%d", w.prefix, i)
	id, err := w.c.NewMultipartUpload(ctx, "bucket", key, minio.PutObjectOptions{})
	if err != nil {
		return err
	}
	data := w.bytes(i, 100_000)
	part, err := w.c.PutObjectPart(ctx, "bucket", key, id, 3, bytes.NewReader(data), int64(len(data)), minio.PutObjectPartOptions{})
	if err != nil {
		return err
	}
	w.h.told()
	switch i % 3 {
	case 0:
		w.h.mu.Lock()
		w.h.parts[key+" "+id] = map[int32]string{3: part.ETag}
		w.h.mu.Unlock()
	case 1:
		return w.c.AbortMultipartUpload(ctx, "bucket", key, id)
	case 2:
		return w.h.change(key, value{data: data}, func() error {
			_, err := w.c.CompleteMultipartUpload(ctx, "bucket", key, id, []minio.CompletePart{{PartNumber: 3, ETag: part.ETag}}, minio.PutObjectOptions{})
			return err
		})
	}
	return nil
}

// check reads all that was acknowledged. What was cut off is known then.
func (h *history) check(at, when string) {
	t, c := h.t, h.client(at)
	t.Helper()
	for key, may := range h.objects {
		var got value
		o, _, _, err := c.GetObject(t.Context(), "bucket", key, minio.GetObjectOptions{})
		if err == nil {
			got.data, err = io.ReadAll(o)
			o.Close()
		}
		if minio.ToErrorResponse(err).Code == minio.NoSuchKey {
			got.none, err = true, nil
		}
		if err != nil {
			t.Errorf("%s: %s: %v", when, key, err)
			continue
		}
		there := false
		for _, one := range may {
			there = there || one.none && h.rebuilt || one.none == got.none && bytes.Equal(one.data, got.data)
		}
		if !there {
			t.Errorf("%s: %s has %d bytes (none: %v), want what was acknowledged: %d bytes (none: %v) at last", when, key, len(got.data), got.none, len(may[len(may)-1].data), may[len(may)-1].none)
		}
		h.objects[key] = []value{got}
	}
	for name, parts := range h.parts {
		key, id, _ := strings.Cut(name, " ")
		got, err := c.ListObjectParts(t.Context(), "bucket", key, id, 0, 1000)
		if err != nil || len(got.ObjectParts) != len(parts) || strings.Trim(got.ObjectParts[0].ETag, `"`) != parts[3] {
			t.Errorf("%s: parts %+v of %s (%v), want %v", when, got.ObjectParts, name, err, parts)
		}
	}
	h.rebuilt = false
	for key := range h.objects { // some are enough to be read again and again
		if len(h.objects) <= kept {
			break
		}
		delete(h.objects, key)
	}
}

// clear removes all that there is.
func (h *history) clear(at string) {
	t, c := h.t, h.client(at)
	t.Helper()
	for o := range c.Client.ListObjects(t.Context(), "bucket", minio.ListObjectsOptions{Recursive: true}) {
		if o.Err != nil {
			t.Fatal(o.Err)
		}
		if err := c.RemoveObject(t.Context(), "bucket", o.Key, minio.RemoveObjectOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	// Uploads end with their bucket.
	if err := c.RemoveBucket(t.Context(), "bucket"); err != nil {
		t.Fatal(err)
	}
}

// startChild starts a gateway in a process of its own, and returns its address when it serves,
// and what kills it.
func startChild(t *testing.T, args ...string) (at string, kill func()) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at = l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	child := exec.Command(self, append([]string{"run", "--access-key", "me", "--listen", at}, args...)...)
	child.Env = append(os.Environ(), childMode+"=1")
	log, err := child.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	kill = sync.OnceFunc(func() {
		_ = child.Process.Kill()
		_ = child.Wait()
	})
	t.Cleanup(kill)
	lines := bufio.NewScanner(log)
	serves := false
	for !serves && lines.Scan() {
		t.Log(lines.Text())
		serves = strings.Contains(lines.Text(), "msg=serving")
	}
	if !serves {
		t.Fatal("the gateway does not come to serve")
	}
	go func() { _, _ = io.Copy(io.Discard, log) }()
	return at, kill
}
