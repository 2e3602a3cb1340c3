package s3

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/versity/versitygw/auth"
	"github.com/versity/versitygw/backend"
	"github.com/versity/versitygw/s3err"
	"github.com/versity/versitygw/s3response"
)

// buckets are those requests that are of buckets.
type buckets struct {
	index *index
	notes *notes
	hurry func() // for blobs that are of no use any more
}

func (b buckets) CreateBucket(ctx context.Context, in *s3.CreateBucketInput, acl []byte) error {
	if in.ObjectLockEnabledForBucket != nil && *in.ObjectLockEnabledForBucket {
		return notImplemented()
	}
	if in.ObjectOwnership != "" && in.ObjectOwnership != types.ObjectOwnershipBucketOwnerEnforced {
		return notImplemented() // there are no ACLs
	}
	name := *in.Bucket
	record := bucket{Created: time.Now().UTC(), ACL: acl}
	if in.CreateBucketConfiguration != nil {
		tags, err := backend.ParseCreateBucketTags(in.CreateBucketConfiguration.Tags)
		if err != nil {
			return err
		}
		record.Tags = tags
	}
	defer b.notes.turn(bucketKey(name))()
	old, err := get[bucket](b.index, bucketKey(name))
	if err != nil {
		return err
	}
	if old != nil {
		if owner(old) == owner(&record) {
			return s3err.GetBucketErr(s3err.ErrBucketAlreadyOwnedByYou, name)
		}
		return s3err.GetBucketErr(s3err.ErrBucketAlreadyExists, name)
	}
	record.Noted = record.Created
	w, err := b.notes.ofBucket(name, &record)
	if err != nil {
		return err
	}
	defer w.release()
	b.index.buckets.Lock()
	defer b.index.buckets.Unlock()
	return b.index.apply(func(c change) error {
		if err := c.adopt(record.Note); err != nil {
			return err
		}
		return c.put(bucketKey(name), record)
	})
}

// owner returns whose a bucket is.
func owner(b *bucket) string {
	acl, err := auth.ParseACL(b.ACL)
	if err != nil {
		return ""
	}
	return acl.Owner
}

func (b buckets) HeadBucket(_ context.Context, in *s3.HeadBucketInput) (*s3.HeadBucketOutput, error) {
	if _, err := b.index.bucket(*in.Bucket); err != nil {
		return nil, err
	}
	return &s3.HeadBucketOutput{}, nil
}

func (b buckets) DeleteBucket(_ context.Context, name string) error {
	defer b.notes.turn(bucketKey(name))()
	b.index.buckets.Lock()
	defer b.index.buckets.Unlock()
	now, err := b.index.bucket(name)
	if err != nil {
		return err
	}
	empty := true
	objects := named(kindObject, name, "")
	if err := b.index.each(objects, objects, func([]byte, []byte, func([]byte)) (bool, error) {
		empty = false
		return false, nil
	}); err != nil {
		return err
	}
	if !empty {
		return s3err.GetBucketErr(s3err.ErrBucketNotEmpty, name)
	}
	defer b.hurry()
	return b.index.apply(func(c change) error {
		// Uploads that go on end with the bucket.
		if err := b.index.dropParts(c, named(kindPart, name, "")); err != nil {
			return err
		}
		all := named(kindUpload, name, "")
		if err := c.batch.DeleteRange(all, after(all), nil); err != nil {
			return err
		}
		return errors.Join(c.idle(now.Note), c.remove(bucketKey(name)))
	})
}

// list calls f with all buckets whose names begin with the prefix, after a name.
func (b buckets) list(prefix, from string, f func(name string, r *bucket) bool) error {
	start := named(kindBucket, prefix)
	if from != "" {
		start = append(named(kindBucket, from), 0)
	}
	return b.index.each(named(kindBucket, prefix), start, func(key, value []byte, _ func([]byte)) (bool, error) {
		r := new(bucket)
		if err := json.Unmarshal(value, r); err != nil {
			return false, err
		}
		return f(string(key[1:]), r), nil
	})
}

func (b buckets) ListBuckets(_ context.Context, in s3response.ListBucketsInput) (s3response.ListAllMyBucketsResult, error) {
	result := s3response.ListAllMyBucketsResult{Prefix: in.Prefix}
	result.Owner.ID = in.Owner
	all := []s3response.ListAllMyBucketsEntry{}
	from := in.ContinuationToken
	if from < in.Prefix {
		from = ""
	}
	err := b.list(in.Prefix, from, func(name string, r *bucket) bool {
		if !in.IsAdmin && owner(r) != in.Owner {
			return true
		}
		if in.MaxBuckets > 0 && int32(len(all)) == in.MaxBuckets {
			result.ContinuationToken = all[len(all)-1].Name
			return false
		}
		all = append(all, s3response.ListAllMyBucketsEntry{Name: name, CreationDate: r.Created})
		return true
	})
	result.Buckets.Bucket = all
	return result, err
}

func (b buckets) ListBucketsAndOwners(context.Context) (all []s3response.Bucket, err error) {
	err = b.list("", "", func(name string, r *bucket) bool {
		all = append(all, s3response.Bucket{Name: name, Owner: owner(r)})
		return true
	})
	return all, err
}

func (b buckets) GetBucketAcl(_ context.Context, in *s3.GetBucketAclInput) ([]byte, error) {
	r, err := b.index.bucket(*in.Bucket)
	if err != nil {
		return nil, err
	}
	return r.ACL, nil
}

func (b buckets) PutBucketTagging(_ context.Context, name string, tags map[string]string) error {
	return b.notes.change(name, func(r *bucket) { r.Tags = tags })
}

func (b buckets) DeleteBucketTagging(_ context.Context, name string) error {
	return b.notes.change(name, func(r *bucket) { r.Tags = nil })
}

func (b buckets) GetBucketTagging(_ context.Context, name string) (map[string]string, error) {
	r, err := b.index.bucket(name)
	if err == nil && len(r.Tags) == 0 {
		err = s3err.GetBucketErr(s3err.ErrBucketTaggingNotFound, name)
	}
	if err != nil {
		return nil, err
	}
	return r.Tags, nil
}
