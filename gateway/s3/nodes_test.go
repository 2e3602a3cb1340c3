package s3

import (
	"bytes"
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/gateway/daemon"
	"github.com/redstuff-go/redstuff/node/client"
	"github.com/redstuff-go/redstuff/node/control/account"
	"github.com/redstuff-go/redstuff/node/control/chain"
	"github.com/redstuff-go/redstuff/node/control/follow"
	"github.com/redstuff-go/redstuff/node/identity"
	"github.com/redstuff-go/redstuff/node/ledger"
	"github.com/redstuff-go/redstuff/node/nodetest"
)

// TestNodes stores objects at nodes, and reads them while as many are down as may be.
func TestNodes(t *testing.T) {
	nodes, writer := nodetest.Start(t, commit.BLAKE3, 4, 10)
	c, err := client.New(nodes.Control, writer, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	s := &served{t: t, blobs: daemon.ForCluster(c), fs: vfs.NewMem()}
	s.start(Options{PieceSize: 100_000})
	s.bucket("bucket")
	objects := map[string][]byte{"empty": nil, "small": some(1, 10), "large": some(2, 1_000_000)}
	for key, data := range objects {
		s.put("bucket", key, data)
	}
	if err := c.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	nodes.Stop(2)
	for key, data := range objects {
		s.expect("bucket", key, data)
	}
	s.put("bucket", "later", some(3, 500_000))
	s.expect("bucket", "later", some(3, 500_000))
	nodes.Stop(1)
	nodes.Stop(0)
	if _, err := s.aws.PutObject(t.Context(), &awss3.PutObjectInput{Bucket: aws.String("bucket"), Key: aws.String("x"), Body: bytes.NewReader([]byte("x"))}, once); code(err) != "SlowDown" {
		t.Errorf("too few nodes: %v", err)
	}
}

// once has a client not try again, which takes it seconds.
func once(o *awss3.Options) { o.RetryMaxAttempts = 1 }

// place is nodes on a ledger, and a gateway's account there.
type place struct {
	*nodetest.Town
	ledger  chain.Ledger
	client  *client.Client
	account *account.Account
	blobs   daemon.Store
	key     *identity.Key // of the account
	refresh func(context.Context) error
}

// newPlace starts nodes on a ledger.
func newPlace(t *testing.T) *place { return newPlaceOf(t, func(*ledger.Genesis) {}) }

// newPlaceOf starts them on a ledger of which some rules are changed.
func newPlaceOf(t testing.TB, change func(*ledger.Genesis)) *place {
	return newPlaceWith(t, 10, change)
}

// newPlaceWith starts nodes with so many shards.
func newPlaceWith(t testing.TB, shards int, change func(*ledger.Genesis)) *place {
	t.Helper()
	town, writer := nodetest.StartOnGenesis(t, commit.BLAKE3, 4, shards, change)
	l := chain.Local(town.Ledger)
	views, err := follow.OpenViews(t.Context(), l, &town.Genesis)
	if err != nil {
		t.Fatal(err)
	}
	c, err := client.New(views, writer, client.Options{Registrar: daemon.Orders{}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	a := account.New(l, writer.Account())
	store, err := daemon.ForLedger(c, a, views.Refresh)
	if err != nil {
		t.Fatal(err)
	}
	return &place{town, l, c, a, store, writer, views.Refresh}
}

// onLedger starts nodes on a ledger, and returns it, a client, and a server, not started yet,
// of what the client stores.
func onLedger(t *testing.T) (chain.Ledger, *client.Client, *served) {
	t.Helper()
	p := newPlace(t)
	return p.ledger, p.client, &served{t: t, blobs: p.blobs, fs: vfs.NewMem()}
}

// awaitRegistrations waits until a blob has so many.
func (p *place) awaitRegistrations(t *testing.T, id commit.BlobID, want int, when string) {
	t.Helper()
	var got chain.Blob
	for range 6000 {
		var err error
		if got, err = p.ledger.Blob(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		if len(got.Registrations) == want {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("%s: %d registrations, want %d", when, len(got.Registrations), want)
}

// TestLeftBehind: a registration whose gateway ended before it was certified is found by the next
// one, and ended; what somebody else registered stays.
func TestLeftBehind(t *testing.T) {
	p := newPlace(t)
	data := some(1, 5000)
	id, err := p.client.Code().ID(data)
	if err != nil {
		t.Fatal(err)
	}
	o := Options{FS: vfs.NewMem(), Account: p.account, Put: daemon.PutOptions{Epochs: 2}}
	b := openBucket(t, p.blobs, o)
	for _, n := range p.Nodes {
		n.Delay.Hold()
	}
	done := make(chan error, 1)
	go func() { done <- putTo(b, "key", data) }()
	p.awaitRegistrations(t, id, 1, "an object that is being put")
	if err := b.Close(); err != nil { // no more is said to the ledger, as after a crash
		t.Fatal(err)
	}
	if err := <-done; err == nil {
		t.Fatal("the object was put although the gateway had ended")
	}
	if got, err := p.ledger.Blob(t.Context(), id); err != nil || len(got.Registrations) != 1 || got.Certified != nil {
		t.Fatalf("after the end the ledger has %+v (%v), want a registration that is not certified", got, err)
	}
	for _, n := range p.Nodes {
		n.Delay.Release()
	}
	b = open(t, p.blobs, o)
	p.awaitRegistrations(t, id, 0, "a gateway that starts")
	if err := putTo(b, "key", data); err != nil {
		t.Fatal(err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}

	// One that was there before the intent is somebody's.
	b = open(t, p.blobs, o)
	defer b.Close()
	if _, err := b.DeleteObject(t.Context(), &awss3.DeleteObjectInput{Bucket: aws.String("bucket"), Key: aws.String("key")}); err != nil {
		t.Fatal(err)
	}
	p.awaitRegistrations(t, id, 0, "the object removed")
	if _, err := p.blobs.Put(t.Context(), data, daemon.PutOptions{Epochs: 2}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		when  string
		there []daemon.ObjectID
		want  int
	}{{"it was there before", []daemon.ObjectID{p.registration(t, id)}, 1}, {"it was not", nil, 0}} {
		if err := b.all.index.apply(func(change change) error { return change.put(blobKey(kindIntent, id, 1), intent{There: c.there}) }); err != nil {
			t.Fatal(err)
		}
		if again, err := b.all.content.resolve(t.Context()); again || err != nil {
			t.Errorf("%s: again %v (%v)", c.when, again, err)
		}
		doubts := 0
		if err := b.all.index.doubts(func(commit.BlobID, [][]byte) error { doubts++; return nil }); err != nil || doubts > 1-c.want {
			t.Errorf("%s: %d doubts (%v), want %d at most", c.when, doubts, err, 1-c.want)
		}
		p.awaitRegistrations(t, id, c.want, c.when)
	}
}

// registration returns the object of the only registration of a blob.
func (p *place) registration(t *testing.T, id commit.BlobID) daemon.ObjectID {
	t.Helper()
	got, err := p.ledger.Blob(t.Context(), id)
	if err != nil || len(got.Registrations) != 1 {
		t.Fatalf("%d registrations (%v), want 1", len(got.Registrations), err)
	}
	return daemon.ObjectID(got.Registrations[0].Object)
}

// TestLedger stores objects on a ledger, for so many epochs.
func TestLedger(t *testing.T) {
	l, c, s := onLedger(t)
	s.start(Options{Put: daemon.PutOptions{Epochs: 7, Permanent: true}})
	s.bucket("bucket")
	data := some(1, 5000)
	s.put("bucket", "key", data)
	s.expect("bucket", "key", data)
	id, err := c.Code().ID(data)
	if err != nil {
		t.Fatal(err)
	}
	b, err := l.Blob(t.Context(), id)
	if err != nil || b.End != 8 || b.Certified == nil || b.Registrations[0].Deletable {
		t.Errorf("the ledger has %+v (%v), want it certified, permanent, until epoch 8", b, err)
	}
}

// TestFreeOnLedger: an object that is removed is no blob of the ledger's any more, and may be
// put again.
func TestFreeOnLedger(t *testing.T) {
	l, c, s := onLedger(t)
	s.start(Options{Put: daemon.PutOptions{Epochs: 2}})
	s.bucket("bucket")
	data := some(1, 5000)
	id, err := c.Code().ID(data)
	if err != nil {
		t.Fatal(err)
	}
	await := func(want int, when string) {
		t.Helper()
		got := -1
		for range 6000 {
			b, err := l.Blob(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			if got = len(b.Registrations); got == want {
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
		t.Fatalf("%s: %d registrations, want %d", when, got, want)
	}
	for range 2 {
		s.put("bucket", "one", data)
		s.put("bucket", "two", data)
		await(1, "two objects of the same bytes")
		for _, key := range []string{"one", "two"} {
			s.expect("bucket", key, data)
			if _, err := s.aws.DeleteObject(t.Context(), &awss3.DeleteObjectInput{Bucket: aws.String("bucket"), Key: &key}); err != nil {
				t.Fatal(err)
			}
		}
		await(0, "both removed")
	}
}

// TestSettings keeps what a bucket is told, and does it.
func TestSettings(t *testing.T) {
	s := serve(t, Options{})
	s.bucket("bucket")
	s.put("bucket", "key", []byte("some text"))
	ctx, b := t.Context(), aws.String("bucket")
	if _, err := s.aws.PutBucketCors(ctx, &awss3.PutBucketCorsInput{Bucket: b, CORSConfiguration: &types.CORSConfiguration{
		CORSRules: []types.CORSRule{{AllowedMethods: []string{"GET"}, AllowedOrigins: []string{"http://page.example"}}},
	}}); err != nil {
		t.Fatal(err)
	}
	policy := `{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::bucket/*"}]}`
	if _, err := s.aws.PutBucketPolicy(ctx, &awss3.PutBucketPolicyInput{Bucket: b, Policy: &policy}); err != nil {
		t.Fatal(err)
	}
	get := func() *http.Response {
		t.Helper()
		ask, err := http.NewRequest("GET", "http://"+s.at+"/bucket/key", nil)
		if err != nil {
			t.Fatal(err)
		}
		ask.Header.Set("Origin", "http://page.example")
		answer, err := http.DefaultClient.Do(ask)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		return answer
	}
	if answer := get(); answer.StatusCode != 200 || answer.Header.Get("Access-Control-Allow-Origin") != "http://page.example" {
		t.Errorf("a page reads what all may read: %d, %v", answer.StatusCode, answer.Header)
	}
	s.stop()
	s.start(Options{}) // they are kept
	if out, err := s.aws.GetBucketPolicy(ctx, &awss3.GetBucketPolicyInput{Bucket: b}); err != nil || *out.Policy != policy {
		t.Errorf("policy %v (%v)", out, err)
	}
	if _, err := s.aws.DeleteBucketPolicy(ctx, &awss3.DeleteBucketPolicyInput{Bucket: b}); err != nil {
		t.Fatal(err)
	}
	if answer := get(); answer.StatusCode != 403 {
		t.Errorf("without the policy: %d, want 403", answer.StatusCode)
	}
	if _, err := s.aws.DeleteBucketCors(ctx, &awss3.DeleteBucketCorsInput{Bucket: b}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.aws.GetBucketCors(ctx, &awss3.GetBucketCorsInput{Bucket: b}); code(err) != "NoSuchCORSConfiguration" {
		t.Errorf("without rules: %v", err)
	}
}
