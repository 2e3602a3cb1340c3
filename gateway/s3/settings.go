package s3

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/versity/versitygw/s3err"
	"github.com/versity/versitygw/s3response"
)

// settings are those requests that say how a bucket is to be: what they say is kept as it came.
// The protocol's server, which reads it, has checked it, and does what it says.
type settings struct {
	index  *index
	notes  *notes
	epochs func(context.Context) (Epochs, error) // nil without a ledger
	expire func()                                // what is to be gone
}

// Names of settings in a bucket's record.
const (
	settingPolicy  = "policy"
	settingCORS    = "cors"
	settingWebsite = "website"
)

// set changes a setting; nil removes it.
func (s settings) set(bucketName, setting string, value []byte) error {
	return s.notes.change(bucketName, func(r *bucket) {
		if r.Settings == nil {
			r.Settings = make(map[string][]byte)
		}
		r.Settings[setting] = value
		if value == nil {
			delete(r.Settings, setting)
		}
	})
}

// get returns a setting. The error has the code if there is none.
func (s settings) get(bucketName, setting string, code s3err.ErrorCode) ([]byte, error) {
	r, err := s.index.bucket(bucketName)
	if err == nil && r.Settings[setting] == nil {
		err = s3err.GetBucketErr(code, bucketName)
	}
	if err != nil {
		return nil, err
	}
	return r.Settings[setting], nil
}

func (s settings) PutBucketPolicy(_ context.Context, bucket string, policy []byte) error {
	return s.set(bucket, settingPolicy, policy)
}

func (s settings) GetBucketPolicy(_ context.Context, bucket string) ([]byte, error) {
	return s.get(bucket, settingPolicy, s3err.ErrNoSuchBucketPolicy)
}

func (s settings) DeleteBucketPolicy(_ context.Context, bucket string) error {
	return s.set(bucket, settingPolicy, nil)
}

func (s settings) PutBucketCors(_ context.Context, bucket string, cors []byte) error {
	return s.set(bucket, settingCORS, cors)
}

func (s settings) GetBucketCors(_ context.Context, bucket string) ([]byte, error) {
	return s.get(bucket, settingCORS, s3err.ErrNoSuchCORSConfiguration)
}

func (s settings) DeleteBucketCors(_ context.Context, bucket string) error {
	return s.set(bucket, settingCORS, nil)
}

func (s settings) PutBucketWebsite(_ context.Context, bucket string, website []byte) error {
	return s.set(bucket, settingWebsite, website)
}

func (s settings) GetBucketWebsite(_ context.Context, bucket string) ([]byte, error) {
	return s.get(bucket, settingWebsite, s3err.ErrNoSuchWebsiteConfiguration)
}

func (s settings) DeleteBucketWebsite(_ context.Context, bucket string) error {
	return s.set(bucket, settingWebsite, nil)
}

// unset answers for what a bucket may have elsewhere, and never has here.
type unset struct{ index *index }

func (u unset) nothing(bucket string, code s3err.ErrorCode) error {
	if _, err := u.index.bucket(bucket); err != nil {
		return err
	}
	return s3err.GetBucketErr(code, bucket)
}

func (u unset) GetObjectLockConfiguration(_ context.Context, bucket string) ([]byte, error) {
	return nil, u.nothing(bucket, s3err.ErrObjectLockConfigurationNotFound)
}

func (u unset) GetBucketVersioning(_ context.Context, bucket string) (s3response.GetBucketVersioningOutput, error) {
	_, err := u.index.bucket(bucket)
	return s3response.GetBucketVersioningOutput{}, err
}

func (u unset) GetBucketOwnershipControls(_ context.Context, bucket string) (types.ObjectOwnership, error) {
	_, err := u.index.bucket(bucket)
	return types.ObjectOwnershipBucketOwnerEnforced, err
}

// noLock is the answer to a request for what keeps an object from being removed.
func (u unset) noLock(bucket, key string) error {
	if _, err := u.index.object(bucket, key); err != nil {
		return err
	}
	return s3err.GetAPIError(s3err.ErrMissingObjectLockConfiguration)
}

func (u unset) GetObjectRetention(_ context.Context, bucket, key, _ string) ([]byte, error) {
	return nil, u.noLock(bucket, key)
}

func (u unset) PutObjectRetention(_ context.Context, bucket, key, _ string, _ []byte) error {
	return u.noLock(bucket, key)
}

func (u unset) GetObjectLegalHold(_ context.Context, bucket, key, _ string) (*bool, error) {
	return nil, u.noLock(bucket, key)
}

func (u unset) PutObjectLegalHold(_ context.Context, bucket, key, _ string, _ bool) error {
	return u.noLock(bucket, key)
}
