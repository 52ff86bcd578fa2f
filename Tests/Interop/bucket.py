#!/usr/bin/env python3
"""Makes a bucket at moto's server, and a user who may do everything there: bucket.py ENDPOINT REGION BUCKET.

Prints the user's key id and secret. From then on, the server checks signatures and permissions.
"""

import json
import sys
import urllib.request

import boto3

endpoint, region, bucket = sys.argv[1:]
anybody = dict(endpoint_url=endpoint, region_name=region, aws_access_key_id="x", aws_secret_access_key="x")
boto3.client("s3", **anybody).create_bucket(
    Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": region})
users = boto3.client("iam", **anybody)
users.create_user(UserName="ann")
users.put_user_policy(
    UserName="ann", PolicyName="all",
    PolicyDocument=json.dumps({
        "Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}))
key = users.create_access_key(UserName="ann")["AccessKey"]
urllib.request.urlopen(urllib.request.Request(
    f"{endpoint}/moto-api/reset-auth", data=b"0", method="POST", headers={"Content-Type": "text/plain"})).read()
print(key["AccessKeyId"], key["SecretAccessKey"])
