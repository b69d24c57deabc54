package check

import (
	"context"
	"fmt"
	"time"

	"dispatcher/workers/attachment"
)

// S3Config says what is known of S3.
type S3Config struct {
	Client  *attachment.S3
	Given   bool     // an operator has said where it is
	Buckets []string // that producers may name; empty: all
}

// maxSkew is half of what a signature allows.
const maxSkew = 7 * time.Minute

// S3 looks at reach, access key, clocks, and the buckets that are named in the
// settings.
func S3(cfg S3Config) Party {
	return Party{Name: "s3", Ask: func(ctx context.Context) []Row {
		look, err := cfg.Client.Look(ctx)
		if err != nil && !cfg.Given {
			return []Row{noted("s3", "nobody is at "+look.Origin+", the default", "only messages with a file in S3 need it; set S3_URL if there are such")}
		}
		if err != nil {
			return []Row{failed("s3", err, "check S3_URL")}
		}
		rows := []Row{s3Row(look), skewRow(look.Skew)}
		for _, bucket := range cfg.Buckets {
			rows = append(rows, bucketRow(ctx, cfg.Client, bucket))
		}
		return rows
	}}
}

func s3Row(look attachment.Look) Row {
	if look.Anonymous {
		return noted("s3", look.Origin+" answers; there is no access key", "only presigned URLs and public buckets work; set S3_ACCESS_KEY and S3_SECRET_KEY for others")
	}
	return fine("s3", look.Origin+" answers and takes the access key")
}

func skewRow(skew time.Duration) Row {
	const name = "s3: clock"
	value := fmt.Sprintf("%s apart", skew.Abs())
	if skew.Abs() > maxSkew {
		return wrong(name, value, "S3 refuses signatures that are 15 minutes off; set the clocks by NTP")
	}
	return fine(name, value)
}

func bucketRow(ctx context.Context, client *attachment.S3, bucket string) Row {
	name := "s3: bucket " + bucket
	switch sure, err := client.LookInto(ctx, bucket); {
	case err != nil:
		return failed(name, err, "create it, or take it out of policy.allow_buckets")
	case !sure:
		return noted(name, "there; whether objects can be read is not told", "if messages fail with file_missing, give the access key s3:GetObject")
	}
	return fine(name, "can be read")
}
