package s3

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/gateway/daemon"
	"github.com/redstuff-go/redstuff/node/ledger"
)

const day = 24 * time.Hour

// aging is blobs on a ledger whose epochs, of a week each, pass when they are told to.
type aging struct {
	*memory
	mu   sync.Mutex
	now  Epochs
	ends map[commit.BlobID]uint32
}

func newAging() *aging {
	return &aging{memory: newMemory(), now: Epochs{Now: time.Now(), Current: 10, Left: 3 * day, Length: 7 * day, Most: 20}, ends: make(map[commit.BlobID]uint32)}
}

func (a *aging) epochs(context.Context) (Epochs, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.now, nil
}

// pass lets time pass, and epochs.
func (a *aging) pass(d time.Duration, epochs uint32) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.now.Now, a.now.Current = a.now.Now.Add(d), a.now.Current+epochs
}

func (a *aging) Put(ctx context.Context, blob []byte, o daemon.PutOptions) (*daemon.Stored, error) {
	got, err := a.memory.Put(ctx, blob, o)
	if err != nil {
		return nil, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	got.End = max(a.ends[got.Blob], a.now.Current+o.Epochs)
	a.ends[got.Blob] = got.End
	return got, nil
}

// TestLifetimes stores objects for as many epochs as the rules of their bucket say, and no longer.
func TestLifetimes(t *testing.T) {
	a := newAging()
	s := serveBlobs(t, a, Options{PieceSize: 100, Put: daemon.PutOptions{Epochs: 5}, Epochs: a.epochs})
	s.bucket("bucket")
	s.bucket("other")
	ctx, b := t.Context(), aws.String("bucket")
	s.put("bucket", "short/before", some(1, 10))
	rules := []types.LifecycleRule{
		{ID: aws.String("days"), Status: types.ExpirationStatusEnabled, Filter: &types.LifecycleRuleFilter{Prefix: aws.String("short/")}, Expiration: &types.LifecycleExpiration{Days: aws.Int32(2)}},
		{Status: types.ExpirationStatusEnabled, Filter: &types.LifecycleRuleFilter{Tag: &types.Tag{Key: aws.String("keep"), Value: aws.String("long")}}, Expiration: &types.LifecycleExpiration{Days: aws.Int32(60)}},
		{Status: types.ExpirationStatusDisabled, Filter: &types.LifecycleRuleFilter{Prefix: aws.String("")}, Expiration: &types.LifecycleExpiration{Days: aws.Int32(1)}},
	}
	put := func(rules []types.LifecycleRule) error {
		_, err := s.aws.PutBucketLifecycleConfiguration(ctx, &awss3.PutBucketLifecycleConfigurationInput{Bucket: b, LifecycleConfiguration: &types.BucketLifecycleConfiguration{Rules: rules}})
		return err
	}
	if err := put(rules); err != nil {
		t.Fatal(err)
	}
	if _, err := s.hosts().GetBucketLifecycleConfiguration(ctx, &awss3.GetBucketLifecycleConfigurationInput{Bucket: b}); err != nil {
		t.Errorf("where the bucket is a host: %v", err)
	}
	got, err := s.aws.GetBucketLifecycleConfiguration(ctx, &awss3.GetBucketLifecycleConfigurationInput{Bucket: b})
	if err != nil || len(got.Rules) != 3 || *got.Rules[0].ID != "days" || *got.Rules[0].Filter.Prefix != "short/" || *got.Rules[1].Expiration.Days != 60 || text(got.Rules[1].ID) == "" || *got.Rules[1].Filter.Tag.Value != "long" {
		t.Errorf("rules %+v (%v), want those that were put", got, err)
	}
	s.put("bucket", "short/one", some(2, 250))
	s.put("bucket", "usual", some(3, 10))
	if _, err := s.aws.PutObject(ctx, &awss3.PutObjectInput{Bucket: b, Key: aws.String("long"), Body: strings.NewReader("long"), Tagging: aws.String("keep=long")}); err != nil {
		t.Fatal(err)
	}
	// A copy lasts as long as its own bucket says, though the blobs of what it is of do not.
	if _, err := s.aws.CopyObject(ctx, &awss3.CopyObjectInput{Bucket: aws.String("other"), Key: aws.String("copy"), CopySource: aws.String("bucket/short/one")}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		bucket, key string
		want        uint32
	}{
		{"bucket", "short/before", 15}, {"bucket", "short/one", 11}, {"bucket", "usual", 15}, {"bucket", "long", 10 + 1 + 9}, {"other", "copy", 15},
	} {
		o, err := s.backend.all.index.object(c.bucket, c.key)
		if err != nil || o.End != c.want {
			t.Errorf("%s ends with epoch %+v (%v), want %d", c.key, o, err, c.want)
		}
	}
	scan := func() {
		t.Helper()
		now, _ := a.epochs(ctx)
		if err := (&expirer{all: s.backend.all}).scan(ctx, now); err != nil {
			t.Fatal(err)
		}
	}
	expect := func(when, want string) {
		t.Helper()
		var keys []string
		for _, bucket := range []string{"bucket", "other"} {
			out, err := s.aws.ListObjectsV2(ctx, &awss3.ListObjectsV2Input{Bucket: &bucket})
			if err != nil {
				t.Fatal(err)
			}
			for _, o := range out.Contents {
				keys = append(keys, *o.Key)
			}
		}
		if got := strings.Join(keys, " "); got != want {
			t.Errorf("%s there is %q, want %q", when, got, want)
		}
	}
	scan()
	expect("at first", "long short/before short/one usual copy")
	a.pass(2*day+time.Minute, 0)
	scan()
	expect("after two days", "long usual copy")
	s.expect("other", "copy", some(2, 250))
	a.pass(4*7*day, 5)
	scan()
	expect("after five epochs", "long")
	s.memory = a.memory
	a.memory.await(t, 1, "what is over is freed")
	if _, err := s.aws.DeleteBucketLifecycle(ctx, &awss3.DeleteBucketLifecycleInput{Bucket: b}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.aws.GetBucketLifecycleConfiguration(ctx, &awss3.GetBucketLifecycleConfigurationInput{Bucket: b}); code(err) != "NoSuchLifecycleConfiguration" {
		t.Errorf("none: %v", err)
	}

	// What there is not, and what is wrong.
	one := func(edit func(*types.LifecycleRule)) []types.LifecycleRule {
		r := types.LifecycleRule{Status: types.ExpirationStatusEnabled, Filter: &types.LifecycleRuleFilter{Prefix: aws.String("")}, Expiration: &types.LifecycleExpiration{Days: aws.Int32(2)}}
		edit(&r)
		return []types.LifecycleRule{r}
	}
	for _, c := range []struct {
		name  string
		rules []types.LifecycleRule
		want  string
	}{
		{"a date", one(func(r *types.LifecycleRule) { r.Expiration = &types.LifecycleExpiration{Date: aws.Time(time.Now())} }), "NotImplemented"},
		{"sizes", one(func(r *types.LifecycleRule) {
			r.Filter = &types.LifecycleRuleFilter{ObjectSizeGreaterThan: aws.Int64(1)}
		}), "NotImplemented"},
		{"transitions", one(func(r *types.LifecycleRule) {
			r.Transitions = []types.Transition{{Days: aws.Int32(1), StorageClass: types.TransitionStorageClassGlacier}}
		}), "NotImplemented"},
		{"uploads", one(func(r *types.LifecycleRule) {
			r.AbortIncompleteMultipartUpload = &types.AbortIncompleteMultipartUpload{DaysAfterInitiation: aws.Int32(1)}
		}), "NotImplemented"},
		{"no days", one(func(r *types.LifecycleRule) { r.Expiration = &types.LifecycleExpiration{Days: aws.Int32(0)} }), "InvalidArgument"},
		{"too many days", one(func(r *types.LifecycleRule) { r.Expiration.Days = aws.Int32(1000) }), "InvalidArgument"},
		{"no filter", one(func(r *types.LifecycleRule) { r.Filter = nil }), "MalformedXML"},
		{"no status", one(func(r *types.LifecycleRule) { r.Status = "x" }), "MalformedXML"},
		{"twice", append(one(func(r *types.LifecycleRule) { r.ID = aws.String("x") }), one(func(r *types.LifecycleRule) { r.ID = aws.String("x") })...), "InvalidArgument"},
	} {
		if err := put(c.rules); code(err) != c.want {
			t.Errorf("%s: %v, want %s", c.name, err, c.want)
		}
	}
	bad := awss3.New(awss3.Options{Region: "us-east-1", BaseEndpoint: aws.String("http://" + s.at), UsePathStyle: true, RetryMaxAttempts: 1})
	if _, err := bad.GetBucketLifecycleConfiguration(ctx, &awss3.GetBucketLifecycleConfigurationInput{Bucket: b}); err == nil {
		t.Error("nobody sees the rules")
	}
	if _, err := s.aws.GetBucketLifecycleConfiguration(ctx, &awss3.GetBucketLifecycleConfigurationInput{Bucket: aws.String("none")}); code(err) != "NoSuchBucket" {
		t.Errorf("no bucket: %v", err)
	}
}

// TestLifetimesOnLedger has the epochs of a ledger pass for which objects are stored: what its
// bucket lets live for a day is not listed and not found any more, on the ledger nor at nodes,
// and the rest is there, and would be if the database were lost.
func TestLifetimesOnLedger(t *testing.T) {
	p := newPlaceOf(t, func(g *ledger.Genesis) { g.EpochMillis, g.MaxEpochsAhead = uint64(day.Milliseconds()), 20 })
	ctx, passed := t.Context(), atomic.Int64{}
	epochs, err := EpochsOf(ctx, p.ledger, func() time.Time {
		return time.UnixMilli(int64(p.Genesis.Start)).Add(time.Duration(passed.Load()))
	})
	if err != nil {
		t.Fatal(err)
	}
	s := &served{t: t, blobs: p.blobs, fs: vfs.NewMem()}
	options := Options{Account: p.account, Sealer: sealerOf(t, p.key), Epochs: epochs, Put: daemon.PutOptions{Epochs: 6}}
	s.start(options)
	s.bucket("bucket")
	bucket := aws.String("bucket")
	if _, err := s.aws.PutBucketLifecycleConfiguration(ctx, &awss3.PutBucketLifecycleConfigurationInput{Bucket: bucket, LifecycleConfiguration: &types.BucketLifecycleConfiguration{
		Rules: []types.LifecycleRule{{Status: types.ExpirationStatusEnabled, Filter: &types.LifecycleRuleFilter{Prefix: aws.String("tmp/")}, Expiration: &types.LifecycleExpiration{Days: aws.Int32(2)}}},
	}}); err != nil {
		t.Fatal(err)
	}
	keep, gone := some(1, 3000), some(2, 3000)
	s.put("bucket", "keep", keep)
	s.put("bucket", "tmp/gone", gone)
	s.put("bucket", "tmp/nothing", nil)
	id, err := p.client.Code().ID(gone)
	if err != nil {
		t.Fatal(err)
	}
	begun, err := epochs(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if b, err := p.ledger.Blob(ctx, id); err != nil || b.End != begun.Current+2 && b.End != begun.Current+3 {
		t.Errorf("two days are stored until epoch %d (%v), want 2 or 3 of a day from %d on", b.End, err, begun.Current)
	}
	for step := 0; ; step++ {
		now, err := epochs(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if now.Current >= begun.Current+3 {
			break
		}
		if step == 1000 {
			t.Fatalf("epoch %d, want %d", now.Current, begun.Current+3)
		}
		passed.Add(int64(day / 2))
		p.PassTime(day / 2)
		// The ledger sees the time with a transaction.
		if _, err := p.account.Do(ctx, ledger.Transfer{To: ledger.Address{1}, Amount: 1}); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.refresh(ctx); err != nil {
		t.Fatal(err)
	}
	s.backend.settings.expire()
	var keys []string
	for range 6000 {
		list, err := s.aws.ListObjectsV2(ctx, &awss3.ListObjectsV2Input{Bucket: bucket})
		if err != nil {
			t.Fatal(err)
		}
		keys = nil
		for _, o := range list.Contents {
			keys = append(keys, *o.Key)
		}
		if len(keys) == 1 {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if len(keys) != 1 || keys[0] != "keep" {
		t.Errorf("after three epochs there is %q, want what is to be kept", keys)
	}
	for _, key := range []string{"tmp/gone", "tmp/nothing"} {
		if _, err := s.aws.GetObject(ctx, &awss3.GetObjectInput{Bucket: bucket, Key: &key}); code(err) != "NoSuchKey" {
			t.Errorf("%s: %v, want that it is not there", key, err)
		}
	}
	s.expect("bucket", "keep", keep)
	if b, err := p.ledger.Blob(ctx, id); err != nil || len(b.Registrations) > 0 {
		t.Errorf("the ledger has %+v (%v), want no registration that lives", b, err)
	}
	s.settle()
	s.stop()
	s.fs = vfs.NewMem()
	options.FS = s.fs
	if got, err := Rebuild(ctx, "index", p.blobs, options, access, false); err != nil || got.Objects != 1 || got.Buckets != 1 || len(got.Lost) != 0 {
		t.Errorf("rebuilt %+v (%v), want one object", got, err)
	}
	s.start(options)
	s.expect("bucket", "keep", keep)
	if _, err := s.aws.GetBucketLifecycleConfiguration(ctx, &awss3.GetBucketLifecycleConfigurationInput{Bucket: bucket}); err != nil {
		t.Errorf("the rules are lost: %v", err)
	}
}

// TestNoLifetimes: without a ledger blobs live for ever.
func TestNoLifetimes(t *testing.T) {
	s := serve(t, Options{})
	s.bucket("bucket")
	_, err := s.aws.PutBucketLifecycleConfiguration(t.Context(), &awss3.PutBucketLifecycleConfigurationInput{Bucket: aws.String("bucket"), LifecycleConfiguration: &types.BucketLifecycleConfiguration{
		Rules: []types.LifecycleRule{{Status: types.ExpirationStatusEnabled, Filter: &types.LifecycleRuleFilter{Prefix: aws.String("")}, Expiration: &types.LifecycleExpiration{Days: aws.Int32(2)}}},
	}})
	if code(err) != "NotImplemented" {
		t.Errorf("error %v, want NotImplemented", err)
	}
}

// TestLifetimeEpochs: whatever time is left of the epoch, an object is there for its days.
func TestLifetimeEpochs(t *testing.T) {
	for _, c := range []struct {
		days   int
		left   time.Duration
		length time.Duration
		want   uint64
	}{
		{1, day, day, 1}, {1, day - 1, day, 2}, {1, 0, day, 2}, {30, 0, 14 * day, 4}, {1, 10 * day, 14 * day, 1}, {60, 3 * day, 7 * day, 10}, {1, time.Hour, 0, 1},
	} {
		e := Epochs{Left: c.left, Length: c.length}
		if got := e.lifetime(time.Duration(c.days) * day); got != c.want {
			t.Errorf("%d days, %v left, epochs of %v: %d epochs, want %d", c.days, c.left, c.length, got, c.want)
		}
	}
}

func FuzzLifecycle(f *testing.F) {
	f.Add([]byte(`<LifecycleConfiguration><Rule><Filter><And><Prefix>a</Prefix><Tag><Key>k</Key><Value>v</Value></Tag></And></Filter><Status>Enabled</Status><Expiration><Days>3</Days></Expiration></Rule></LifecycleConfiguration>`))
	f.Add([]byte(`<LifecycleConfiguration><Rule><Prefix/><Status>Enabled</Status><Expiration><Date>x</Date></Expiration></Rule></LifecycleConfiguration>`))
	f.Fuzz(func(t *testing.T, text []byte) {
		l, err := parseLifecycle(text)
		if err != nil {
			return
		}
		if d := l.of("a", map[string]string{"k": "v"}); d < 0 || d > maxDays*day {
			t.Errorf("a lifetime of %v", d)
		}
	})
}
