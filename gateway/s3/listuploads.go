package s3

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/google/uuid"
	"github.com/versity/versitygw/s3err"
	"github.com/versity/versitygw/s3response"
)

// ListMultipartUploads lists uploads by their keys, and those of one key in the order in which
// they began.
func (l listings) ListMultipartUploads(_ context.Context, in *s3.ListMultipartUploadsInput) (out s3response.ListMultipartUploadsResult, err error) {
	bucket, prefix, delimiter, n := *in.Bucket, text(in.Prefix), text(in.Delimiter), int(most(in.MaxUploads))
	if _, err := l.index.bucket(bucket); err != nil {
		return out, err
	}
	out = s3response.ListMultipartUploadsResult{
		Bucket: bucket, Delimiter: delimiter, Prefix: prefix, KeyMarker: text(in.KeyMarker), UploadIDMarker: text(in.UploadIdMarker),
		MaxUploads: n, Uploads: []s3response.Upload{},
	}
	from, err := l.afterUpload(bucket, delimiter, out.KeyMarker, out.UploadIDMarker)
	if err != nil || n == 0 {
		return out, err
	}
	if all := named(kindUpload, bucket, prefix); string(from) < string(all) {
		from = all
	}
	key, id := "", "" // of the last one on the page
	err = l.uploads(bucket, prefix, from, func(one *upload, itsKey, its string, seek func([]byte)) bool {
		if len(out.Uploads)+len(out.CommonPrefixes) == n {
			out.IsTruncated, out.NextKeyMarker, out.NextUploadIDMarker = true, key, id
			return false
		}
		if common := commonPrefix(itsKey, prefix, delimiter); common != "" {
			out.CommonPrefixes = append(out.CommonPrefixes, s3response.CommonPrefix{Prefix: common})
			key, id = common, its
			seek(after(named(kindUpload, bucket, common)))
			return true
		}
		out.Uploads = append(out.Uploads, s3response.Upload{
			Key: itsKey, UploadID: its, Initiated: one.Started, StorageClass: types.StorageClassStandard,
			ChecksumAlgorithm: types.ChecksumAlgorithm(one.Checksum.Algorithm), ChecksumType: one.Checksum.asked(),
		})
		key, id = itsKey, its
		return true
	})
	return out, err
}

// uploads calls f with the uploads of keys that begin with the prefix, from a record on.
func (l listings) uploads(bucket, prefix string, from []byte, f func(one *upload, key, id string, seek func([]byte)) bool) error {
	return l.index.each(named(kindUpload, bucket, prefix), from, func(raw, value []byte, seek func([]byte)) (bool, error) {
		one := new(upload)
		if err := json.Unmarshal(value, one); err != nil {
			return false, err
		}
		_, key, id := uploadOf(raw)
		return f(one, key, id, seek), nil
	})
}

// afterUpload returns where the record is that comes after the markers of a listing. That of an
// upload counts only with a key: the upload is of that key, of the next one that has any, or
// below the key if that is a common prefix.
func (l listings) afterUpload(bucket, delimiter, key, id string) ([]byte, error) {
	if key == "" {
		return named(kindUpload, bucket, ""), nil
	}
	next := after(uploadKey(bucket, key, ""))
	if id == "" {
		return next, nil
	}
	invalid := s3err.GetInvalidArgumentErr(s3err.InvalidArgUploadIdMarker, id)
	given, err := uuid.Parse(id)
	if err != nil {
		return nil, invalid
	}
	below := delimiter != "" && strings.HasSuffix(key, delimiter)
	first, elsewhere := "", false
	var found []byte
	err = l.index.each(named(kindUpload, bucket, ""), uploadKey(bucket, key, ""), func(raw, _ []byte, _ func([]byte)) (bool, error) {
		_, itsKey, its := uploadOf(raw)
		if first == "" && itsKey != key {
			first = itsKey
		}
		if its != id {
			return true, nil
		}
		if itsKey == key || itsKey == first || below && strings.HasPrefix(itsKey, key) {
			found = append(uploadKey(bucket, itsKey, id), 0)
		}
		elsewhere = true
		return false, nil
	})
	switch {
	case err != nil || found != nil:
		return found, err
	case given.Version() == 7 && !elsewhere: // it has ended since: those that began later come next
		return uploadKey(bucket, key, id), nil
	}
	return nil, invalid
}

// commonPrefix returns what stands for a key in a listing with a delimiter; "" if the key does.
func commonPrefix(key, prefix, delimiter string) string {
	if delimiter != "" {
		if at := strings.Index(key[len(prefix):], delimiter); at >= 0 {
			return key[:len(prefix)+at+len(delimiter)]
		}
	}
	return ""
}
