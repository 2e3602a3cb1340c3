package s3

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"time"
)

// expirer removes objects whose time is over: the epochs have passed for which their blobs are
// stored, or they are older than their bucket lets objects become.
type expirer struct {
	all    objects
	epochs func(context.Context) (Epochs, error)
	log    *slog.Logger
	wake   chan struct{} // has one element if rules have changed
}

// Pauses between looks at the time, and between looks at all objects in one epoch: an epoch may
// be longer than the days that a rule says.
const (
	timePause = 30 * time.Second
	scanPause = time.Hour
)

// hurry has the expirer look at all objects soon.
func (e *expirer) hurry() {
	select {
	case e.wake <- struct{}{}:
	default:
	}
}

// run removes what is to be removed, until the context ends.
func (e *expirer) run(ctx context.Context) {
	tick := time.NewTicker(timePause)
	defer tick.Stop()
	var last Epochs
	asked := true
	for {
		now, err := e.epochs(ctx)
		if err == nil && (asked || now.Current != last.Current || now.Now.Sub(last.Now) >= scanPause) {
			if err = e.scan(ctx, now); err == nil {
				last, asked = now, false
			}
		}
		if err != nil && ctx.Err() == nil {
			e.log.Warn("objects may be there still whose time is over", "error", err, "again in", timePause)
		}
		select {
		case <-tick.C:
		case <-e.wake:
			asked = true
		case <-ctx.Done():
			return
		}
	}
}

// over reports whether an object's time is over.
func (o *object) over(l *lifecycle, key string, now Epochs) bool {
	if o.End != 0 && now.Current >= o.End {
		return true
	}
	d := l.of(key, o.Tags)
	return d != 0 && now.Now.Sub(o.Modified) >= d
}

// scan removes all objects, and parts of uploads, whose time is over.
func (e *expirer) scan(ctx context.Context, now Epochs) error {
	rules := make(map[string]*lifecycle)
	var faded []string // buckets whose notes are to be written again
	x := e.all.index
	if err := x.each([]byte{kindBucket}, []byte{kindBucket}, func(key, value []byte, _ func([]byte)) (bool, error) {
		b := new(bucket)
		if err := json.Unmarshal(value, b); err != nil {
			return false, err
		}
		if n := e.all.notes; n.account != nil && n.fades(b, now) {
			faded = append(faded, string(key[1:]))
		}
		l, err := b.lifecycle()
		rules[string(key[1:])] = l
		return err == nil, err
	}); err != nil {
		return err
	}
	for _, bucket := range faded {
		if err := e.all.notes.touch(bucket); err != nil && !missing(err) {
			return err
		}
	}
	for bucket, l := range rules {
		prefix := objectKey(bucket, "")
		if err := x.each(prefix, prefix, func(key, value []byte, _ func([]byte)) (bool, error) {
			o := new(object)
			if err := json.Unmarshal(value, o); err != nil {
				return false, err
			}
			name := string(key[len(prefix):])
			if !o.over(l, name, now) {
				if o.Note == "" && e.all.notes.account != nil { // it is of before there were notes
					if err := e.all.notes.again(bucket, name); err != nil && !missing(err) {
						return false, err
					}
				}
				return true, ctx.Err()
			}
			return true, e.all.removeIf(bucket, name, func(there *object) error {
				if !there.over(l, name, now) {
					return errStays
				}
				return nil
			})
		}); err != nil {
			return err
		}
	}
	return x.each([]byte{kindUpload}, []byte{kindUpload}, func(key, _ []byte, _ func([]byte)) (bool, error) {
		bucket, name, id := uploadOf(key)
		return true, errors.Join(ctx.Err(), uploads{e.all}.expire(bucket, name, id, now))
	})
}
