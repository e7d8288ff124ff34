# frozen_string_literal: true

require "fileutils"
require "openssl"

# An authority and certificates for "localhost" that it has signed, as PEM files.
class Certificates
  DAY = 86_400

  # @param directory [String] made anew
  def initialize(directory)
    @directory = directory
    FileUtils.rm_rf(directory)
    FileUtils.mkdir_p(directory)
    @key = OpenSSL::PKey::EC.generate("prime256v1")
    @authority = signed("karafka spec authority", @key, DAY, issuer: nil)
  end

  # @return [String] path of the certificate that clients have to know
  def authority = file("authority.pem", @authority.to_pem)

  # @return [String] path of an authority that has signed nothing
  def stranger
    key = OpenSSL::PKey::EC.generate("prime256v1")
    file("stranger.pem", signed("somebody else", key, DAY, issuer: nil).to_pem)
  end

  # @return [String] path of key and certificate of a server
  def server = pair("server.pem", DAY)

  # @return [String] path of key and certificate of a server that has not renewed it
  def expired = pair("expired.pem", -DAY)

  # @return [Array(String, String)] certificate and key of a client, as PEM
  def client
    key = OpenSSL::PKey::EC.generate("prime256v1")
    [signed("client", key, DAY, issuer: @authority).to_pem, key.private_to_pem]
  end

  def delete = FileUtils.rm_rf(@directory)

  private

  def pair(name, seconds)
    key = OpenSSL::PKey::EC.generate("prime256v1")
    certificate = signed("localhost", key, seconds, issuer: @authority)
    file(name, "#{key.private_to_pem}#{certificate.to_pem}#{@authority.to_pem}")
  end

  def signed(name, key, seconds, issuer:)
    certificate = OpenSSL::X509::Certificate.new
    certificate.version = 2
    certificate.serial = rand(1..(1 << 60))
    certificate.subject = OpenSSL::X509::Name.new([["CN", name]])
    certificate.issuer = (issuer || certificate).subject
    certificate.public_key = key
    certificate.not_before = Time.now - (10 * DAY)
    certificate.not_after = Time.now + seconds
    describe(certificate, issuer)
    certificate.sign(issuer ? @key : key, "SHA256")
  end

  def describe(certificate, issuer)
    extensions = OpenSSL::X509::ExtensionFactory.new(issuer || certificate, certificate)
    certificate.add_extension(extensions.create_extension("basicConstraints", issuer ? "CA:FALSE" : "CA:TRUE", true))
    certificate.add_extension(extensions.create_extension("subjectAltName", "DNS:localhost,IP:127.0.0.1")) if issuer
  end

  def file(name, text)
    path = File.join(@directory, name)
    # Once: somebody may be reading it.
    File.write(path, text) unless File.exist?(path)
    path
  end
end
