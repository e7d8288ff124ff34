# frozen_string_literal: true

require_relative "../../support/application"

RSpec.describe Karafka::Routing::Pattern do
  {
    /\Aaudit\./ => "^audit\\.",
    /^audit/ => "^audit",
    /audit/ => "^.*audit",
    /audit\z/ => "^.*audit$",
    /\Aa|b$/ => "^(a|.*b$)",
    /\A(a|b)c/ => "^(a|b)c",
    /\A(?:a|b)+/ => "^(a|b)+",
    /\A(?<name>a)/ => "^(a)",
    /\Ax\d{2}/ => "^x[0-9]{2}",
    /\A\w+\S/ => "^[[:alnum:]_]+[^[:space:]]",
    /\A[\w\d.-]+/ => "^[[:alnum:]_0-9.-]+",
    /\A[^|$]x/ => "^[^|$]x",
    %r{\Aa-b/c} => "^a-b/c",
    Regexp.new("\\Aa\\-b\\/c\\.[\\.\\-x]") => "^a-b/c\\.[.x-]"
  }.each do |regexp, posix|
    it "writes #{regexp.inspect} as #{posix}" do
      expect(described_class.posix(regexp)).to eq(posix)
    end
  end

  [/audit/i, /a(?!b)/, /a(?=b)/, /a+?/, /a*+/, /\bword/, /(a)\1/,
   /a\Ab/, /a$b/, /(^a)/, /a{1,2}?/, /\p{L}/, /[a&&b]/, /(?i:a)/, /a b/x].each do |regexp|
    it "refuses #{regexp.inspect}, which POSIX cannot express" do
      expect { described_class.posix(regexp) }
        .to raise_error(Karafka::Errors::InvalidConfigurationError, /pattern #{Regexp.escape(regexp.inspect)} cannot.*do not have \S+/)
    end
  end
end
