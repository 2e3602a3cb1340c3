package s3

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/versity/versitygw/s3err"

	"github.com/redstuff-go/redstuff/gateway/daemon"
)

// Epochs are how time passes on a ledger.
type Epochs struct {
	Now     time.Time
	Current uint32
	Left    time.Duration // of the current epoch, at least
	Length  time.Duration // of an epoch
	Most    uint32        // epochs for which a blob can be stored, with the current one
}

// lifetime returns for how many epochs, with the current one, a blob has to be stored so that it
// is there for a while.
func (e Epochs) lifetime(d time.Duration) uint64 {
	if d <= e.Left || e.Length <= 0 {
		return 1
	}
	return 1 + uint64((d-e.Left+e.Length-1)/e.Length)
}

// settingLifecycle is the name of the setting that says for how long a bucket's objects live.
const settingLifecycle = "lifecycle"

// Limits of what says for how long objects live, as S3 has them.
const (
	maxLifecycle = 64 << 10 // bytes
	maxRules     = 1000
	maxRuleID    = 255
	maxDays      = 36_500
)

// lifecycle says for how long a bucket's objects live.
type lifecycle struct {
	XMLName xml.Name  `xml:"LifecycleConfiguration"`
	Rules   []rule    `xml:"Rule"`
	Others  []unknown `xml:",any"`
}

// rule says for how long some of them do.
type rule struct {
	ID         string    `xml:"ID"`
	Prefix     *string   `xml:"Prefix"` // as it was before there were filters
	Filter     *filter   `xml:"Filter"`
	Status     string    `xml:"Status"`
	Expiration *expiry   `xml:"Expiration"`
	Others     []unknown `xml:",any"`
}

// filter says which.
type filter struct {
	Prefix *string   `xml:"Prefix"`
	Tag    *tag      `xml:"Tag"`
	And    *both     `xml:"And"`
	Others []unknown `xml:",any"`
}

type both struct {
	Prefix *string   `xml:"Prefix"`
	Tags   []tag     `xml:"Tag"`
	Others []unknown `xml:",any"`
}

type tag struct {
	Key   string `xml:"Key"`
	Value string `xml:"Value"`
}

type expiry struct {
	Days   *int64    `xml:"Days"`
	Others []unknown `xml:",any"`
}

// unknown is something that S3 has and that there is not here.
type unknown struct {
	XMLName xml.Name
}

const enabled = "Enabled"

// invalidRule returns the error for a rule that cannot be.
func invalidRule(description string) error {
	return s3err.APIError{Code: "InvalidArgument", Description: description, HTTPStatusCode: http.StatusBadRequest}
}

// parseLifecycle reads what says for how long objects live, and checks it. Its error is
// NotImplemented where it says what cannot be done here.
func parseLifecycle(text []byte) (*lifecycle, error) {
	l := new(lifecycle)
	decoder := xml.NewDecoder(bytes.NewReader(text))
	if len(text) > maxLifecycle || decoder.Decode(l) != nil {
		return nil, s3err.GetAPIError(s3err.ErrMalformedXML)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) || len(l.Rules) == 0 || len(l.Rules) > maxRules {
		return nil, s3err.GetAPIError(s3err.ErrMalformedXML)
	}
	if len(l.Others) > 0 {
		return nil, notImplemented()
	}
	ids := make(map[string]bool)
	for i := range l.Rules {
		r := &l.Rules[i]
		if err := r.check(); err != nil {
			return nil, err
		}
		if r.ID == "" {
			var random [16]byte
			rand.Read(random[:])
			r.ID = hex.EncodeToString(random[:])
		}
		if ids[r.ID] {
			return nil, invalidRule("Rule ID must be unique. Found same ID for more than one rule")
		}
		ids[r.ID] = true
	}
	return l, nil
}

// check returns an error if there can be no such rule.
func (r *rule) check() error {
	if f := r.Filter; f != nil {
		kinds := 0
		for _, there := range []bool{f.Prefix != nil, f.Tag != nil, f.And != nil} {
			if there {
				kinds++
			}
		}
		if len(f.Others) > 0 || f.And != nil && len(f.And.Others) > 0 {
			return notImplemented() // such as sizes, which are not known when an object comes
		}
		if kinds > 1 || r.Prefix != nil {
			return s3err.GetAPIError(s3err.ErrMalformedXML)
		}
	}
	switch {
	case len(r.Others) > 0 || r.Expiration != nil && len(r.Expiration.Others) > 0:
		return notImplemented()
	case r.Expiration == nil || r.Expiration.Days == nil || r.Status != enabled && r.Status != "Disabled" || r.Filter == nil && r.Prefix == nil:
		return s3err.GetAPIError(s3err.ErrMalformedXML)
	case *r.Expiration.Days < 1 || *r.Expiration.Days > maxDays:
		return invalidRule("'Days' for Expiration action must be a positive integer")
	case len(r.ID) > maxRuleID:
		return invalidRule("ID length should not exceed allowed limit of 255")
	}
	return nil
}

// matches reports whether the rule is for an object.
func (r *rule) matches(key string, tags map[string]string) bool {
	if r.Status != enabled {
		return false
	}
	prefix, all := text(r.Prefix), []tag(nil)
	if f := r.Filter; f != nil {
		switch {
		case f.Prefix != nil:
			prefix = *f.Prefix
		case f.Tag != nil:
			all = []tag{*f.Tag}
		case f.And != nil:
			prefix, all = text(f.And.Prefix), f.And.Tags
		}
	}
	if !strings.HasPrefix(key, prefix) {
		return false
	}
	for _, t := range all {
		if value, ok := tags[t.Key]; !ok || value != t.Value {
			return false
		}
	}
	return true
}

// of returns how long an object lives; 0 if nothing says so.
func (l *lifecycle) of(key string, tags map[string]string) time.Duration {
	days := int64(0)
	if l != nil {
		for i := range l.Rules {
			if r := &l.Rules[i]; r.matches(key, tags) && (days == 0 || *r.Expiration.Days < days) {
				days = *r.Expiration.Days
			}
		}
	}
	return time.Duration(days) * 24 * time.Hour
}

// lifecycle returns what a bucket's says; nil if it has none.
func (b *bucket) lifecycle() (*lifecycle, error) {
	text := b.Settings[settingLifecycle]
	if text == nil {
		return nil, nil
	}
	l := new(lifecycle)
	return l, xml.Unmarshal(text, l)
}

// putFor returns how an object's blobs are to be stored: for so many epochs as its bucket says
// that it lives, or else for the usual number.
func (c *content) putFor(ctx context.Context, b *bucket, key string, tags map[string]string) (daemon.PutOptions, error) {
	o := c.options
	l, err := b.lifecycle()
	if err != nil || c.epochs == nil {
		return o, err
	}
	d := l.of(key, tags)
	if d == 0 {
		return o, nil
	}
	now, err := c.epochs(ctx)
	if err != nil {
		return o, explain(err)
	}
	o.Epochs = uint32(min(now.lifetime(d), uint64(max(now.Most, 1))))
	return o, nil
}

// PutLifecycle has a bucket's objects live as long as the XML of S3 says, from now on; those that
// are there, too.
func (s settings) PutLifecycle(ctx context.Context, bucket string, text []byte) error {
	if _, err := s.index.bucket(bucket); err != nil {
		return err
	}
	if s.epochs == nil {
		return notImplemented() // without a ledger blobs live for ever
	}
	l, err := parseLifecycle(text)
	if err != nil {
		return err
	}
	now, err := s.epochs(ctx)
	if err != nil {
		return explain(err)
	}
	for _, r := range l.Rules {
		if now.lifetime(time.Duration(*r.Expiration.Days)*24*time.Hour) > uint64(now.Most) {
			return invalidRule("'Days' for Expiration action are more than the ledger sells storage for")
		}
	}
	kept, err := xml.Marshal(l)
	if err != nil {
		return err
	}
	defer s.expire()
	return s.set(bucket, settingLifecycle, kept)
}

// GetLifecycle returns what PutLifecycle was given.
func (s settings) GetLifecycle(_ context.Context, bucket string) ([]byte, error) {
	r, err := s.index.bucket(bucket)
	if err != nil {
		return nil, err
	}
	text := r.Settings[settingLifecycle]
	if text == nil {
		return nil, s3err.APIError{
			Code: "NoSuchLifecycleConfiguration", Description: "The lifecycle configuration does not exist", HTTPStatusCode: http.StatusNotFound,
		}
	}
	return text, nil
}

// DeleteLifecycle has a bucket's objects live for the usual time. Those that are there are stored
// no longer than they are.
func (s settings) DeleteLifecycle(_ context.Context, bucket string) error {
	return s.set(bucket, settingLifecycle, nil)
}
