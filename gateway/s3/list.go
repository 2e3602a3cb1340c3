package s3

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/versity/versitygw/s3err"
	"github.com/versity/versitygw/s3response"
)

// listings are those requests that list objects.
type listings struct{ index *index }

// pageSize is how many keys a page has if nobody says.
const pageSize = 1000

// page is a part of a listing.
type page struct {
	objects  []s3response.Object
	prefixes []types.CommonPrefix
	last     string // key or prefix that it ends with
	more     bool
}

// page lists keys that begin with the prefix, after a key or a common prefix.
func (l listings) page(bucket, prefix, delimiter, marker string, most int32) (p page, err error) {
	if _, err := l.index.bucket(bucket); err != nil {
		return p, err
	}
	p.objects, p.prefixes = []s3response.Object{}, []types.CommonPrefix{}
	if most == 0 {
		return p, nil
	}
	all := objectKey(bucket, prefix)
	from := all
	if marker != "" && marker >= prefix {
		from = objectKey(bucket, marker+"\x00")
		rest := strings.TrimPrefix(marker, prefix)
		if at := strings.Index(rest, delimiter); delimiter != "" && at >= 0 && at == len(rest)-len(delimiter) {
			from = after(objectKey(bucket, marker)) // all that a common prefix stands for was listed
		}
	}
	head := len(objectKey(bucket, ""))
	err = l.index.each(all, from, func(raw, value []byte, seek func([]byte)) (bool, error) {
		key := string(raw[head:])
		common := commonPrefix(key, prefix, delimiter)
		if int32(len(p.objects)+len(p.prefixes)) == most {
			p.more = true
			return false, nil
		}
		if common != "" {
			p.prefixes, p.last = append(p.prefixes, types.CommonPrefix{Prefix: &common}), common
			seek(after(objectKey(bucket, common)))
			return true, nil
		}
		o := new(object)
		if err := json.Unmarshal(value, o); err != nil {
			return false, err
		}
		p.last = key
		one := s3response.Object{
			Key: &key, ETag: &o.ETag, Size: &o.Size, LastModified: &o.Modified, StorageClass: types.ObjectStorageClassStandard, ChecksumType: o.Checksum.kind(),
		}
		if o.Checksum.Value != "" {
			one.ChecksumAlgorithm = []types.ChecksumAlgorithm{types.ChecksumAlgorithm(o.Checksum.Algorithm)}
		}
		p.objects = append(p.objects, one)
		return true, nil
	})
	return p, err
}

// most returns how many keys a page may have.
func most(asked *int32) int32 {
	if asked == nil {
		return pageSize
	}
	return min(*asked, pageSize)
}

func (l listings) ListObjects(_ context.Context, in *s3.ListObjectsInput) (out s3response.ListObjectsResult, err error) {
	n := most(in.MaxKeys)
	p, err := l.page(*in.Bucket, text(in.Prefix), text(in.Delimiter), text(in.Marker), n)
	if err != nil {
		return out, err
	}
	out = s3response.ListObjectsResult{
		Name: in.Bucket, Prefix: pointer(text(in.Prefix)), Marker: pointer(text(in.Marker)), MaxKeys: &n, Delimiter: pointer(text(in.Delimiter)), IsTruncated: &p.more,
		Contents: p.objects, CommonPrefixes: p.prefixes, EncodingType: in.EncodingType,
	}
	if p.more {
		out.NextMarker = &p.last
	}
	return out, nil
}

func (l listings) ListObjectsV2(_ context.Context, in *s3.ListObjectsV2Input) (out s3response.ListObjectsV2Result, err error) {
	n, marker := most(in.MaxKeys), text(in.StartAfter)
	if token := text(in.ContinuationToken); token != "" {
		last, err := tokenKey(token)
		if err != nil {
			return out, err
		}
		marker = max(marker, last)
	}
	p, err := l.page(*in.Bucket, text(in.Prefix), text(in.Delimiter), marker, n)
	if err != nil {
		return out, err
	}
	count := int32(len(p.objects) + len(p.prefixes))
	out = s3response.ListObjectsV2Result{
		Name: in.Bucket, Prefix: pointer(text(in.Prefix)), StartAfter: pointer(text(in.StartAfter)), ContinuationToken: pointer(text(in.ContinuationToken)),
		KeyCount: &count, MaxKeys: &n, Delimiter: pointer(text(in.Delimiter)), IsTruncated: &p.more,
		Contents: p.objects, CommonPrefixes: p.prefixes, EncodingType: in.EncodingType,
	}
	if p.more {
		out.NextContinuationToken = pointer(keyToken(p.last))
	}
	return out, nil
}

// packed begins a token that is a key in base64.
const packed = "base64:"

// keyToken returns the token for a listing that goes on after a key: the key itself, unless XML
// has no characters for it.
func keyToken(key string) string {
	plain := utf8.ValidString(key) && !strings.HasPrefix(key, packed) && !strings.ContainsFunc(key, func(r rune) bool {
		return unicode.IsControl(r) || r == utf8.RuneError || r&0xfffe == 0xfffe
	})
	if plain {
		return key
	}
	return packed + base64.RawURLEncoding.EncodeToString([]byte(key))
}

// tokenKey returns the key of a token.
func tokenKey(token string) (string, error) {
	rest, ok := strings.CutPrefix(token, packed)
	if !ok {
		return token, nil
	}
	key, err := base64.RawURLEncoding.DecodeString(rest)
	if err != nil {
		return "", s3err.GetAPIError(s3err.ErrInvalidRequest)
	}
	return string(key), nil
}

// onlyVersion is the id of an object's version where there are no others.
const onlyVersion = "null"

// ListObjectVersions lists each object as its only version.
func (l listings) ListObjectVersions(_ context.Context, in *s3.ListObjectVersionsInput) (out s3response.ListVersionsResult, err error) {
	n := most(in.MaxKeys)
	p, err := l.page(*in.Bucket, text(in.Prefix), text(in.Delimiter), text(in.KeyMarker), n)
	if err != nil {
		return out, err
	}
	out = s3response.ListVersionsResult{
		Name: in.Bucket, Prefix: pointer(text(in.Prefix)), KeyMarker: pointer(text(in.KeyMarker)), VersionIdMarker: pointer(text(in.VersionIdMarker)),
		MaxKeys: &n, Delimiter: pointer(text(in.Delimiter)), IsTruncated: &p.more, CommonPrefixes: p.prefixes, EncodingType: in.EncodingType,
		Versions: []s3response.ObjectVersion{},
	}
	for _, o := range p.objects {
		latest := true
		out.Versions = append(out.Versions, s3response.ObjectVersion{
			Key: o.Key, VersionId: pointer(onlyVersion), IsLatest: &latest, ETag: o.ETag, Size: o.Size, LastModified: o.LastModified,
			StorageClass: types.ObjectVersionStorageClassStandard, ChecksumAlgorithm: o.ChecksumAlgorithm, ChecksumType: o.ChecksumType,
		})
	}
	if p.more {
		out.NextKeyMarker, out.NextVersionIdMarker = &p.last, pointer(onlyVersion)
	}
	return out, nil
}
