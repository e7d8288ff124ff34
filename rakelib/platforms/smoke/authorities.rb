# frozen_string_literal: true

require "fileutils"

# Connects to a TLS listener with the authority where each distribution keeps those that the system trusts. Changes the root that it
# runs in: whatever is there is moved away meanwhile.
class Authorities
  PLACES = {
    "Debian, Ubuntu" => "/etc/ssl/certs/ca-certificates.crt", "Alpine, macOS" => "/etc/ssl/cert.pem",
    "Red Hat, Fedora, Amazon Linux" => "/etc/pki/tls/certs/ca-bundle.crt", "SUSE" => "/etc/ssl/ca-bundle.pem",
    "Red Hat 9, extracted" => "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem"
  }.freeze
  STORES = %w[/etc/ssl /etc/pki].freeze
  STRANGER = "/tmp/stranger.pem"
  private_constant :PLACES, :STORES, :STRANGER

  def initialize(address, authority)
    @address = address
    @authority = authority
  end

  # @yieldparam what [String]
  # @yieldparam holds [Boolean]
  # @yieldparam detail [String, nil]
  def check
    alone { yield "TLS with no authority is refused", !connects?, @output }
    PLACES.each do |system, place|
      alone(place) { yield "TLS with the authority of the system: #{system}", connects?, place }
    end
    alone { yield "SSL_CERT_FILE names it", connects?("SSL_CERT_FILE" => @authority), @output }
    alone(PLACES.values.first) do
      yield "ssl.ca.location wins over the system's", !connects?("AUTHORITIES" => stranger), @output
    end
    alone { yield "ssl.ca.location names it", connects?("AUTHORITIES" => @authority), @output }
  end

  private

  # With nothing in the stores but the authority at that place.
  def alone(place = nil)
    STORES.each { |store| FileUtils.mv(store, "#{store}.kept") if File.exist?(store) }
    if place
      FileUtils.mkdir_p(File.dirname(place))
      FileUtils.cp(@authority, place)
    end
    yield
  ensure
    STORES.each do |store|
      FileUtils.rm_rf(store)
      FileUtils.mv("#{store}.kept", store) if File.exist?("#{store}.kept")
    end
  end

  def connects?(more = {})
    @output, good = command(RbConfig.ruby, File.join(__dir__, "connect.rb"), env: { "TLS" => @address, **more })
    @output = @output.lines.last.to_s.strip
    good
  end

  def stranger
    require "openssl"
    key = OpenSSL::PKey::EC.generate("prime256v1")
    certificate = OpenSSL::X509::Certificate.new
    certificate.subject = certificate.issuer = OpenSSL::X509::Name.new([%w[CN stranger]])
    certificate.public_key = key
    certificate.not_before = Time.now - 3_600
    certificate.not_after = Time.now + 3_600
    File.write(STRANGER, certificate.sign(key, "SHA256").to_pem)
    STRANGER
  end
end
